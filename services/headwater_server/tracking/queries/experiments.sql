-- name: find_experiment
SELECT id FROM experiments WHERE project = $1 AND name = $2

-- name: hold_experiment
-- One that is there, and stays until this transaction is over: who deletes it deletes the run that is made now too.
SELECT id FROM experiments WHERE project = $1 AND name = $2 AND deleted_at IS NULL FOR SHARE

-- name: revive_experiment
UPDATE experiments SET deleted_at = NULL, updated_at = now()
WHERE project = $1 AND name = $2 AND deleted_at IS NOT NULL
RETURNING id

-- name: insert_experiment
INSERT INTO experiments (project, name, tags) VALUES ($1, $2, $3)
ON CONFLICT (project, name) DO NOTHING
RETURNING id, created_at

-- name: get_experiment
SELECT e.id, e.project, e.name, e.tags, e.created_at, (SELECT count(*) FROM runs r WHERE r.experiment_id = e.id) AS runs
FROM experiments e
WHERE e.project = $1 AND e.name = $2

-- name: list_experiments
-- By name: a keyset page.
SELECT e.id, e.project, e.name, e.tags, e.created_at, (SELECT count(*) FROM runs r WHERE r.experiment_id = e.id) AS runs
FROM experiments e
WHERE e.project = $1 AND e.name > $2 AND e.deleted_at IS NULL
ORDER BY e.name
LIMIT $3

-- name: experiment_ids
SELECT id, name FROM experiments WHERE project = $1 AND name = ANY($2::text[])

-- name: experiment_names
-- For "did you mean": the newest first.
SELECT name FROM experiments WHERE project = $1 ORDER BY id DESC LIMIT 200
