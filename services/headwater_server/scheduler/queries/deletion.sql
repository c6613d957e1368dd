-- name: lock_to_delete
SELECT state FROM runs WHERE run_id = $1 FOR UPDATE

-- name: hold_origin
-- Whoever takes tasks over from a run keeps it from being deleted meanwhile.
SELECT 1 FROM runs WHERE run_id = $1 FOR KEY SHARE

-- name: heirs
-- Runs that have taken tasks over from it, and those that may just have: of a task that it had taken over itself, the
-- first origin is noted.
SELECT run_id FROM tasks WHERE origin_run_id = $1 AND run_id <> $1
UNION SELECT r.run_id FROM runs d JOIN runs r ON r.project = d.project AND r.flow = d.flow
WHERE d.run_id = $1 AND r.run_id <> $1 AND r.reuse IS NOT NULL
    AND (r.state = 1 OR r.finished_at > now() - interval '1 hour')

-- name: delete_arrivals
DELETE FROM arrivals WHERE run_id = $1

-- name: delete_splits
DELETE FROM splits WHERE run_id = $1

-- name: delete_tasks
DELETE FROM tasks WHERE run_id = $1

-- name: delete_run
-- With what a Metaflow client has told of it.
WITH gone AS (DELETE FROM runs WHERE run_id = $1 RETURNING run_id, project, flow)
INSERT INTO deleted_runs (run_id, project, flow) SELECT run_id, project, flow FROM gone RETURNING deleted_at

-- name: find_deleted
SELECT project, flow FROM deleted_runs WHERE run_id = $1
