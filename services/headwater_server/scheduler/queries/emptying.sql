-- name: lock_project_runs
SELECT run_id, flow, state FROM runs WHERE project = $1 ORDER BY run_id FOR UPDATE

-- name: empty_arrivals
DELETE FROM arrivals WHERE run_id = ANY ($1::uuid[])

-- name: empty_splits
DELETE FROM splits WHERE run_id = ANY ($1::uuid[])

-- name: empty_tasks
DELETE FROM tasks WHERE run_id = ANY ($1::uuid[])

-- name: empty_runs
WITH gone AS (DELETE FROM runs WHERE run_id = ANY ($1::uuid[]) RETURNING run_id, project, flow)
INSERT INTO deleted_runs (run_id, project, flow) SELECT run_id, project, flow FROM gone

-- name: empty_deployments
DELETE FROM deployments WHERE project = $1

-- name: empty_limits
DELETE FROM limits WHERE project = $1

-- name: empty_versions
DELETE FROM made_versions WHERE project = $1

-- name: empty_mf_flows
DELETE FROM mf_flows WHERE project = $1

-- name: projects
SELECT project FROM runs GROUP BY project UNION SELECT project FROM deployments
