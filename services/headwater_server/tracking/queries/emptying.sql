-- name: lock_project_runs
SELECT id, uuid FROM runs WHERE project = $1 ORDER BY id FOR UPDATE

-- name: note_deleted_runs
INSERT INTO deleted_runs (uuid) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING

-- name: empty_datasets
DELETE FROM datasets WHERE experiment_id IN (SELECT id FROM experiments WHERE project = $1)

-- name: empty_retention
DELETE FROM point_retention WHERE project = $1

-- name: empty_experiments
-- The default one stays, as new: every project has it.
DELETE FROM experiments WHERE project = $1 AND name <> $2

-- name: renew_default
UPDATE experiments SET tags = '{}', deleted_at = NULL, artifact_location = '', created_at = now(), updated_at = now()
WHERE project = $1 AND name = $2

-- name: projects
SELECT e.project FROM experiments e WHERE e.name <> $1 OR EXISTS (SELECT FROM runs r WHERE r.experiment_id = e.id)
    OR EXISTS (SELECT FROM traces t WHERE t.experiment_id = e.id)
GROUP BY e.project
