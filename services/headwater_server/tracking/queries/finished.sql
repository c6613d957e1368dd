-- name: finished_metrics
SELECT k.name, l.value FROM latest_metrics l JOIN keys k ON k.id = l.key_id WHERE l.run_id = $1 ORDER BY k.name LIMIT $2

-- name: finished_params
SELECT k.name, p.value FROM params p JOIN keys k ON k.id = p.key_id WHERE p.run_id = $1 ORDER BY k.name LIMIT $2

-- name: finished_datasets
SELECT d.name, d.digest, d.source_type, d.source, r.context
FROM run_datasets r JOIN datasets d ON d.id = r.dataset_id WHERE r.run_id = $1 ORDER BY d.id LIMIT $2

-- name: finished_models
SELECT model_id, output FROM run_models WHERE run_id = $1 ORDER BY output, step, model_id LIMIT $2

-- name: finished_about
-- Its parent, and what its client says that it runs.
SELECT p.uuid AS parent, r.of_flow,
    (SELECT t.value FROM tags t JOIN keys k ON k.id = t.key_id
        WHERE t.run_id = r.id AND k.name = 'mlflow.source.name') AS source_name,
    (SELECT t.value FROM tags t JOIN keys k ON k.id = t.key_id
        WHERE t.run_id = r.id AND k.name = 'mlflow.source.git.commit') AS source_version
FROM runs r LEFT JOIN runs p ON p.id = r.parent_id WHERE r.id = $1
