-- name: finished_with
-- What there is to tell of a run ($1) that is over, a row for each thing, at most $2 metrics and params and $3 others. kind:
-- about (name: its parent; others: what its client says that it runs), metric, param (those of a flow's run were told at
-- its start), dataset, input or output.
SELECT 'about' AS kind, p.uuid::text AS name, NULL::float8 AS value, NULL AS text, ARRAY[
    (SELECT t.value FROM tags t JOIN keys k ON k.id = t.key_id WHERE t.run_id = r.id AND k.name = 'mlflow.source.name'),
    (SELECT t.value FROM tags t JOIN keys k ON k.id = t.key_id WHERE t.run_id = r.id AND k.name = 'mlflow.source.git.commit')
] AS others
FROM runs r LEFT JOIN runs p ON p.id = r.parent_id WHERE r.id = $1
UNION ALL (
    SELECT 'metric', k.name, l.value, NULL, NULL
    FROM latest_metrics l JOIN keys k ON k.id = l.key_id WHERE l.run_id = $1 ORDER BY k.name LIMIT $2)
UNION ALL (
    SELECT 'param', k.name, NULL, p.value, NULL
    FROM params p JOIN keys k ON k.id = p.key_id
    WHERE p.run_id = $1 AND NOT (SELECT of_flow FROM runs WHERE id = $1) ORDER BY k.name LIMIT $2)
UNION ALL (
    SELECT 'dataset', d.name, NULL, d.digest, ARRAY[d.source_type, d.source, r.context]
    FROM run_datasets r JOIN datasets d ON d.id = r.dataset_id WHERE r.run_id = $1 ORDER BY d.id LIMIT $3)
UNION ALL (
    SELECT CASE WHEN output THEN 'output' ELSE 'input' END, model_id, NULL, NULL, NULL
    FROM run_models WHERE run_id = $1 ORDER BY output, step, model_id LIMIT $3)
