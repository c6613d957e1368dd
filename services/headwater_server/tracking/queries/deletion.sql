-- name: note_deleted_run
INSERT INTO deleted_runs (uuid) VALUES ($1) ON CONFLICT DO NOTHING

-- name: run_and_nested
-- A run and all below it, locked.
WITH RECURSIVE below AS (
    SELECT id FROM runs WHERE uuid = $1
    UNION SELECT r.id FROM runs r JOIN below b ON r.parent_id = b.id
)
SELECT id, uuid FROM runs WHERE id IN (SELECT id FROM below) ORDER BY id FOR UPDATE

-- name: delete_points
DELETE FROM points WHERE run_id = ANY ($1::bigint[])

-- name: delete_packed
DELETE FROM packed_points WHERE run_id = ANY ($1::bigint[])

-- name: delete_latest
DELETE FROM latest_metrics WHERE run_id = ANY ($1::bigint[])

-- name: delete_params
DELETE FROM params WHERE run_id = ANY ($1::bigint[])

-- name: delete_tags
DELETE FROM tags WHERE run_id = ANY ($1::bigint[])

-- name: delete_batches
DELETE FROM batches WHERE run_id = ANY ($1::bigint[])

-- name: delete_inputs
DELETE FROM run_datasets WHERE run_id = ANY ($1::bigint[])

-- name: delete_models
DELETE FROM run_models WHERE run_id = ANY ($1::bigint[])

-- name: delete_runs
DELETE FROM runs WHERE id = ANY ($1::bigint[])

-- name: was_deleted
SELECT EXISTS (SELECT FROM deleted_runs WHERE uuid = $1)
