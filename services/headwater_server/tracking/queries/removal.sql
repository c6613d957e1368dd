-- name: runs_to_remove
-- Locked, in one order for all.
SELECT r.id, r.uuid, r.project, r.state, r.of_flow, e.name AS experiment
FROM runs r JOIN experiments e ON e.id = r.experiment_id
WHERE r.id = ANY ($1::bigint[]) ORDER BY r.id FOR UPDATE OF r

-- name: orphan_runs
-- Runs of other experiments below these go on without.
UPDATE runs SET parent_id = NULL WHERE parent_id = ANY ($1::bigint[]) AND id <> ALL ($1::bigint[])

-- name: runs_in_the_way
-- Of an experiment that is to go: a run of a flow, or one that is running unless $2.
SELECT uuid, state, of_flow FROM runs WHERE experiment_id = $1 AND (of_flow OR state = 1 AND NOT $2) LIMIT 1

-- name: close_experiment
-- No run is made in it from now on.
UPDATE experiments SET deleted_at = coalesce(deleted_at, now()) WHERE id = $1

-- name: some_runs_of_experiment
SELECT id FROM runs WHERE experiment_id = $1 AND NOT of_flow ORDER BY id LIMIT $2

-- name: remove_datasets
DELETE FROM datasets d WHERE d.experiment_id = $1
    AND NOT EXISTS (SELECT FROM run_datasets i WHERE i.dataset_id = d.id)

-- name: remove_empty_experiment
DELETE FROM experiments e WHERE e.id = $1 AND e.deleted_at IS NOT NULL
    AND NOT EXISTS (SELECT FROM runs r WHERE r.experiment_id = e.id)
    AND NOT EXISTS (SELECT FROM datasets d WHERE d.experiment_id = e.id)
    AND NOT EXISTS (SELECT FROM traces t WHERE t.experiment_id = e.id)

-- name: runs_to_purge
-- Deleted by MLflow's clients longer ago than $2. $1: a project, or "*".
SELECT id FROM runs
WHERE deleted_at < now() - $2::interval AND NOT of_flow AND ($1 = '*' OR project = $1) ORDER BY id LIMIT $3

-- name: experiments_to_purge
SELECT id FROM experiments e
WHERE e.deleted_at < now() - $2::interval AND ($1 = '*' OR e.project = $1)
    AND NOT EXISTS (SELECT FROM runs r WHERE r.experiment_id = e.id AND (r.of_flow OR r.deleted_at IS NULL))
ORDER BY id LIMIT $3
