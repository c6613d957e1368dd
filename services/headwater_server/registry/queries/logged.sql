-- name: insert_logged_model
INSERT INTO logged_models (id, project, experiment_id, name, type, source_run_id, state, artifact_uri, params, tags)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (id) DO NOTHING
RETURNING created_at

-- name: find_logged_model
SELECT * FROM logged_models WHERE project = $1 AND id = $2

-- name: lock_logged_model
SELECT * FROM logged_models WHERE project = $1 AND id = $2 AND deleted_at IS NULL FOR UPDATE

-- name: update_logged_model
UPDATE logged_models SET state = $2, params = $3, tags = $4, updated_at = clock_timestamp() WHERE id = $1

-- name: delete_logged_model
UPDATE logged_models SET deleted_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE project = $1 AND id = $2 AND deleted_at IS NULL

-- name: logged_models_by_id
SELECT * FROM logged_models WHERE id = ANY($1::text[])

-- name: metrics_of_logged_models
-- The last of each metric, dataset and run.
SELECT DISTINCT ON (model_id, key, run_id, dataset_name, dataset_digest) *
FROM logged_model_metrics WHERE model_id = ANY($1::text[])
ORDER BY model_id, key, run_id, dataset_name, dataset_digest, step DESC, timestamp_ms DESC

-- name: log_model_metrics
-- Of models of the project; a point that is there already stays.
INSERT INTO logged_model_metrics (model_id, key, run_id, step, timestamp_ms, value, dataset_name, dataset_digest)
SELECT n.* FROM unnest(
    $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::float8[], $8::text[], $9::text[]
) AS n (model_id, key, run_id, step, timestamp_ms, value, dataset_name, dataset_digest)
JOIN logged_models m ON m.id = n.model_id AND m.project = $1
ON CONFLICT DO NOTHING
