-- name: insert_run
-- What is nested in a deleted run is deleted.
INSERT INTO runs
    (uuid, project, experiment_id, parent_id, name, state, started_at, finished_at, provisional, of_flow, deleted_at)
SELECT $1, $2, $3, $4, $5, $6, coalesce($7, now()), $8, $9, $10, (SELECT p.deleted_at FROM runs p WHERE p.id = $4)
WHERE NOT EXISTS (SELECT FROM deleted_runs d WHERE d.uuid = $1)
ON CONFLICT (uuid) DO NOTHING
RETURNING id

-- name: locate_runs
SELECT uuid, id, project, provisional FROM runs WHERE uuid = ANY($1::uuid[])

-- name: hold_run
-- Its end and its start wait until this transaction is over, so that they reach the nested run that it makes.
SELECT id, project, experiment_id, provisional, state, finished_at FROM runs WHERE uuid = $1 FOR SHARE

-- name: heal_run
-- The fact that started a flow's run came after its first metrics or its end. $5: what its project may have been called.
UPDATE runs SET experiment_id = $2, started_at = least(started_at, $3), project = $4, provisional = false, of_flow = true
WHERE uuid = $1 AND provisional AND project = ANY($5::text[])
RETURNING id

-- name: move_nested
UPDATE runs SET experiment_id = $2, project = $3, provisional = false
WHERE parent_id = $1 AND (experiment_id <> $2 OR project <> $3 OR provisional)

-- name: finish_flow_run
-- The first end counts: a redelivered or late fact changes nothing.
UPDATE runs r SET state = $2, finished_at = $3 FROM experiments e
WHERE r.uuid = $1 AND r.state = 1 AND e.id = r.experiment_id
RETURNING r.id, e.name AS experiment

-- name: revive_flow_run
-- $2: when it was told; what ended later has ended anew.
UPDATE runs SET state = 1, finished_at = NULL, packed_at = NULL WHERE uuid = $1 AND state = 3 AND finished_at <= $2

-- name: finish_nested
UPDATE runs SET state = $2, finished_at = $3 WHERE parent_id = $1 AND state = 1

-- name: update_run
-- $2: new state or null; $3: new name or null; $4: when it ended, null: now. A run that goes on again has no end.
-- The row is locked before it is looked at: of two that end a run at once, one sees that it has ended.
WITH earlier AS MATERIALIZED (SELECT id, state FROM runs WHERE id = $1 FOR NO KEY UPDATE)
UPDATE runs r SET
    state = coalesce($2, r.state),
    name = coalesce($3, r.name),
    finished_at = CASE
        WHEN coalesce($2, r.state) = 1 THEN NULL
        WHEN $2 IS NULL OR r.finished_at IS NOT NULL AND r.state = $2 THEN r.finished_at
        ELSE coalesce($4, now())
    END,
    packed_at = CASE WHEN coalesce($2, r.state) = 1 THEN NULL ELSE r.packed_at END
FROM earlier
WHERE r.id = $1 AND earlier.id = r.id
RETURNING r.state, r.finished_at, earlier.state AS old_state, r.uuid, r.project,
    (SELECT e.name FROM experiments e WHERE e.id = r.experiment_id) AS experiment

-- name: import_run
-- Nobody where the run is of another project, or of a flow.
UPDATE runs SET name = $3, state = $4, started_at = $5, finished_at = $6, user_name = $7, packed_at = NULL
WHERE uuid = $1 AND project = $2 AND NOT of_flow RETURNING id

-- name: load_runs
SELECT r.id, r.uuid, r.project, e.name AS experiment, r.name, r.state, r.started_at, r.finished_at, p.uuid AS parent
FROM runs r JOIN experiments e ON e.id = r.experiment_id LEFT JOIN runs p ON p.id = r.parent_id
WHERE r.id = ANY($1::bigint[])

-- name: load_params
-- $2, here and below: which keys; null: all.
SELECT p.run_id, k.name, p.value FROM params p JOIN keys k ON k.id = p.key_id
WHERE p.run_id = ANY($1::bigint[]) AND ($2::int[] IS NULL OR p.key_id = ANY($2::int[]))

-- name: load_tags
SELECT t.run_id, k.name, t.value FROM tags t JOIN keys k ON k.id = t.key_id
WHERE t.run_id = ANY($1::bigint[]) AND ($2::int[] IS NULL OR t.key_id = ANY($2::int[]))

-- name: load_latest
SELECT m.run_id, k.name, m.value, m.step, m.ts
FROM latest_metrics m JOIN keys k ON k.id = m.key_id
WHERE m.run_id = ANY($1::bigint[]) AND ($2::int[] IS NULL OR m.key_id = ANY($2::int[]))
ORDER BY k.name

-- name: metric_names
SELECT k.name FROM latest_metrics m JOIN keys k ON k.id = m.key_id WHERE m.run_id = $1 ORDER BY k.name LIMIT 200

-- name: begin_search
-- The values of a search decide its plan, each time.
BEGIN READ ONLY; SET LOCAL plan_cache_mode = force_custom_plan
