-- name: ml_experiment
-- $2: the project whose experiments may be seen; null: all.
SELECT id, project, name, tags, artifact_location, created_at, updated_at, deleted_at IS NOT NULL AS deleted
FROM experiments WHERE id = $1 AND ($2::text IS NULL OR project = $2)

-- name: ml_experiment_by_name
SELECT id, project, name, tags, artifact_location, created_at, updated_at, deleted_at IS NOT NULL AS deleted
FROM experiments WHERE project = $1 AND name = $2

-- name: ml_experiment_ids
SELECT id FROM experiments WHERE id = ANY($1::int[]) AND ($2::text IS NULL OR project = $2)

-- name: ml_place_experiment
UPDATE experiments SET artifact_location = $2 WHERE id = $1

-- name: ml_rename_experiment
UPDATE experiments SET name = $2, updated_at = now() WHERE id = $1

-- name: ml_delete_experiment
UPDATE experiments SET deleted_at = now(), updated_at = now() WHERE id = $1 AND deleted_at IS NULL RETURNING deleted_at

-- name: ml_delete_runs_of_experiment
UPDATE runs SET deleted_at = now() WHERE experiment_id = $1 AND deleted_at IS NULL

-- name: ml_restore_experiment
UPDATE experiments SET deleted_at = NULL, updated_at = now() WHERE id = $1 AND deleted_at IS NOT NULL RETURNING id

-- name: ml_restore_runs_of_experiment
UPDATE runs SET deleted_at = NULL WHERE experiment_id = $1 AND deleted_at IS NOT NULL

-- name: ml_tag_experiment
UPDATE experiments SET tags = tags || jsonb_build_object($2::text, $3::text) WHERE id = $1

-- name: ml_untag_experiment
UPDATE experiments SET tags = tags - $2::text WHERE id = $1 AND tags ? $2::text RETURNING id

-- name: ml_create_run
-- No row: no such experiment. A row without a run: the experiment is deleted. $3: as in ml_experiment. The lock lets
-- it be deleted only before, when that is seen here, or after, with this run.
WITH e AS MATERIALIZED (
    SELECT id, project, name, artifact_location, deleted_at IS NOT NULL AS deleted
    FROM experiments WHERE id = $2 AND ($3::text IS NULL OR project = $3) FOR SHARE
), made AS (
    INSERT INTO runs (uuid, project, experiment_id, parent_id, name, state, started_at, user_name)
    SELECT $1, e.project, e.id, (SELECT p.id FROM runs p WHERE p.uuid = $4 AND p.project = e.project), $5, 1, $6, $7
    FROM e WHERE NOT e.deleted
    RETURNING id, parent_id
), tagged AS (
    INSERT INTO tags (run_id, key_id, value)
    SELECT made.id, t.key_id, t.value FROM made, unnest($8::int[], $9::text[]) AS t (key_id, value)
)
SELECT e.id AS experiment_id, e.project, e.name AS experiment, e.artifact_location, e.deleted, made.id, made.parent_id
FROM e LEFT JOIN made ON true

-- name: ml_update_run
-- $2, $3, $4: new state, end and name, or null. What the scheduler runs, it ends. A run that goes on has no end.
-- Locked first, as in update_run.
WITH earlier AS MATERIALIZED (SELECT id, state, experiment_id, parent_id FROM runs WHERE id = $1 FOR NO KEY UPDATE)
UPDATE runs r SET
    state = CASE WHEN r.of_flow THEN r.state ELSE coalesce($2, r.state) END,
    name = coalesce($4, r.name),
    finished_at = CASE
        WHEN r.of_flow THEN r.finished_at
        WHEN coalesce($2, r.state) IN (1, 5) THEN NULL
        WHEN $2 IS NULL AND $3::timestamptz IS NULL THEN r.finished_at
        ELSE coalesce($3, r.finished_at, now())
    END,
    packed_at = CASE WHEN coalesce($2, r.state) IN (1, 5) THEN NULL ELSE r.packed_at END
FROM earlier JOIN experiments e ON e.id = earlier.experiment_id LEFT JOIN runs p ON p.id = earlier.parent_id
WHERE r.id = $1 AND earlier.id = r.id AND r.deleted_at IS NULL
RETURNING r.id, r.uuid, r.name, r.state, r.started_at, r.finished_at, false AS deleted, r.user_name, r.project,
    e.id AS experiment_id, e.name AS experiment, e.artifact_location, p.uuid AS parent, earlier.state AS old_state

-- name: ml_active
SELECT id FROM runs WHERE id = ANY($1::bigint[]) AND deleted_at IS NULL

-- name: ml_mark_run
-- $2: is it to be deleted?
UPDATE runs SET deleted_at = CASE WHEN $2::bool THEN coalesce(deleted_at, now()) END WHERE id = $1

-- name: ml_adopt
-- The run gets a parent; nobody where there is no such run.
UPDATE runs r SET parent_id = p.id FROM runs p
WHERE r.id = $1 AND p.uuid = $2 AND p.project = r.project AND p.id <> r.id AND NOT r.of_flow RETURNING p.id

-- name: ml_untag_run
DELETE FROM tags WHERE run_id = $1 AND key_id = $2 RETURNING key_id

-- name: ml_lock_run
SELECT 1 FROM runs WHERE id = $1 FOR NO KEY UPDATE

-- name: ml_tag
SELECT value FROM tags WHERE run_id = $1 AND key_id = $2

-- name: ml_log_points
-- Points of many requests by one statement and one commit; ids of the runs that were there to take them.
WITH new AS MATERIALIZED (
    SELECT n.* FROM unnest($1::bigint[], $2::int[], $3::bigint[], $4::bigint[], $5::float8[])
        AS n (run_id, key_id, step, ts, value)
    JOIN runs r ON r.id = n.run_id AND r.deleted_at IS NULL
), stored AS (
    INSERT INTO points (run_id, key_id, step, ts, value) SELECT run_id, key_id, step, ts, value FROM new
), latest AS (
    INSERT INTO latest_metrics AS l (run_id, key_id, step, ts, value)
    SELECT DISTINCT ON (run_id, key_id) run_id, key_id, step, ts, value FROM new
    ORDER BY run_id, key_id, step DESC, ts DESC, value DESC
    ON CONFLICT (run_id, key_id) DO UPDATE SET step = excluded.step, ts = excluded.ts, value = excluded.value
    WHERE (excluded.step, excluded.ts, excluded.value) > (l.step, l.ts, l.value)
)
SELECT DISTINCT run_id FROM new

-- name: ml_new_params
-- How many of them were new.
WITH made AS (
    INSERT INTO params (run_id, key_id, value) SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[])
    ON CONFLICT DO NOTHING RETURNING 1
)
SELECT count(*) FROM made

-- name: ml_runs
-- In the order of $1. linked: is there an input or output?
SELECT r.id, r.uuid, r.name, r.state, r.started_at, r.finished_at, r.deleted_at IS NOT NULL AS deleted, r.user_name,
    r.project, e.id AS experiment_id, e.name AS experiment, e.artifact_location, p.uuid AS parent,
    EXISTS (SELECT 1 FROM run_datasets d WHERE d.run_id = r.id) OR EXISTS (SELECT 1 FROM run_models m WHERE m.run_id = r.id) AS linked
FROM unnest($1::bigint[]) WITH ORDINALITY AS o (id, n)
JOIN runs r ON r.id = o.id JOIN experiments e ON e.id = r.experiment_id LEFT JOIN runs p ON p.id = r.parent_id
ORDER BY o.n

-- name: ml_logged
-- What runs ($1) hold. Which keys of params ($2), tags ($3) and metrics ($4); null: all. numbers, times, steps: of metrics.
SELECT 'param' AS kind, run_id, array_agg(key_id) AS keys, array_agg(value) AS texts, NULL::float8[] AS numbers,
    NULL::bigint[] AS times, NULL::bigint[] AS steps
FROM params WHERE run_id = ANY($1::bigint[]) AND ($2::int[] IS NULL OR key_id = ANY($2::int[])) GROUP BY run_id
UNION ALL
SELECT 'tag', run_id, array_agg(key_id), array_agg(value), NULL, NULL, NULL
FROM tags WHERE run_id = ANY($1::bigint[]) AND ($3::int[] IS NULL OR key_id = ANY($3::int[])) GROUP BY run_id
UNION ALL
SELECT 'metric', run_id, array_agg(key_id), NULL, array_agg(value), array_agg(ts), array_agg(step)
FROM latest_metrics WHERE run_id = ANY($1::bigint[]) AND ($4::int[] IS NULL OR key_id = ANY($4::int[])) GROUP BY run_id

-- name: ml_datasets
SELECT i.run_id, i.tags, d.name, d.digest, d.source_type, d.source, d.schema, d.profile
FROM run_datasets i JOIN datasets d ON d.id = i.dataset_id
WHERE i.run_id = ANY($1::bigint[]) ORDER BY i.run_id, i.dataset_id

-- name: ml_models
SELECT run_id, output, model_id, step FROM run_models WHERE run_id = ANY($1::bigint[]) ORDER BY run_id, model_id

-- name: ml_key_names
SELECT id, name FROM keys WHERE id = ANY($1::int[])

-- name: ml_history
-- JSON of a page of a series, without points that were sent twice. $3: offset, $4: how many or null, $5: the beginning
-- of each object. "more": is there another page?
WITH page AS (
    SELECT DISTINCT ts, step, value FROM all_points WHERE run_id = $1 AND key_id = $2
    ORDER BY ts, step, value OFFSET $3 LIMIT $4::bigint + 1
), numbered AS (
    SELECT ts, step, value, row_number() OVER (ORDER BY ts, step, value) AS n FROM page
)
SELECT coalesce(max(n) > $4, false) AS more, string_agg(
    $5 || CASE WHEN value - value = 0 THEN value::text ELSE '"' || value || '"' END
    || ',"timestamp":' || ts || ',"step":' || step || '}', ',' ORDER BY n) FILTER (WHERE $4 IS NULL OR n <= $4) AS text
FROM numbered

-- name: ml_history_bulk
SELECT DISTINCT run_id, ts, step, value FROM all_points WHERE run_id = ANY($1::bigint[]) AND key_id = $2
ORDER BY run_id, ts, step, value LIMIT $3

-- name: ml_history_sample
-- Of each run $3 points, evenly spread, the first and the last among them; of one, the last.
WITH numbered AS (
    SELECT run_id, ts, step, value, row_number() OVER (PARTITION BY run_id ORDER BY step, ts, value) AS n,
        count(*) OVER (PARTITION BY run_id) AS total
    FROM all_points
    WHERE run_id = ANY($1::bigint[]) AND key_id = $2 AND ($4::bigint IS NULL OR step BETWEEN $4 AND $5)
)
SELECT run_id, ts, step, value FROM numbered
WHERE total <= $3 OR n = total
    OR $3 > 1 AND ((n - 1) * ($3 - 1) / (total - 1) > (n - 2) * ($3 - 1) / (total - 1) OR n = 1)
ORDER BY run_id, n

-- name: ml_add_datasets
INSERT INTO datasets (experiment_id, name, digest, source_type, source, schema, profile)
SELECT r.experiment_id, d.* FROM runs r, unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
    AS d (name, digest, source_type, source, schema, profile)
WHERE r.id = $1
ON CONFLICT DO NOTHING

-- name: ml_use_datasets
INSERT INTO run_datasets (run_id, dataset_id, tags, context)
SELECT r.id, d.id, n.tags::jsonb, n.context FROM runs r, unnest($2::text[], $3::text[], $4::text[], $5::text[])
    AS n (name, digest, tags, context)
JOIN datasets d ON d.name = n.name AND d.digest = n.digest
WHERE r.id = $1 AND d.experiment_id = r.experiment_id
ON CONFLICT DO NOTHING

-- name: ml_use_models
INSERT INTO run_models (run_id, model_id, output, step)
SELECT $1, m.model_id, $2, m.step FROM unnest($3::text[], $4::bigint[]) AS m (model_id, step)
ON CONFLICT (run_id, output, model_id) DO UPDATE SET step = excluded.step

-- name: ml_dataset_summaries
SELECT DISTINCT d.experiment_id, d.name, d.digest, i.context, e.name AS experiment
FROM datasets d JOIN run_datasets i ON i.dataset_id = d.id JOIN experiments e ON e.id = d.experiment_id
WHERE d.experiment_id = ANY($1::int[]) LIMIT 1000

-- name: ml_name_run
UPDATE runs SET name = $2 WHERE id = $1 AND deleted_at IS NULL
