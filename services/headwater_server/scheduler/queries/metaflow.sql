-- name: mf_list_flows
SELECT coalesce(jsonb_agg(to_jsonb(f) - 'project' || jsonb_build_object('flow_id', flow) - 'flow' ORDER BY flow), '[]')::text
FROM mf_flows f WHERE project = $1

-- name: mf_get_flow
SELECT (to_jsonb(f) - 'project' || jsonb_build_object('flow_id', flow) - 'flow')::text
FROM mf_flows f WHERE project = $1 AND flow = $2

-- name: mf_add_flow
INSERT INTO mf_flows (project, flow, user_name, ts_epoch, tags, system_tags) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING flow

-- name: mf_find
-- A run by its number $3 or name $4, and its task of step $5 by number $6 or name $7.
SELECT m.*, r.state, r.failure, t.task_id, t.step, t.name AS task_name
FROM (SELECT * FROM mf_runs WHERE run_number = $3::int8 AND project = $1 AND flow = $2
      UNION ALL SELECT * FROM mf_runs WHERE project = $1 AND flow = $2 AND name = $4::text) m
JOIN runs r USING (run_id)
LEFT JOIN LATERAL (
    SELECT task_id, step, name FROM mf_tasks t WHERE task_id = $6::int4 AND t.run_number = m.run_number AND t.step = $5
    UNION ALL SELECT task_id, step, name FROM mf_tasks t WHERE t.run_number = m.run_number AND t.step = $5 AND t.name = $7::text
) t ON true

-- name: mf_list_runs
SELECT coalesce(json_agg(json_build_object('flow_id', flow, 'run_number', exposed, 'user_name', user_name, 'ts_epoch', ts_epoch,
    'tags', tags, 'system_tags', system_tags, 'last_heartbeat_ts', last_heartbeat_ts) ORDER BY run_number DESC), '[]')::text
FROM mf_run_rows WHERE project = $1 AND flow = $2

-- name: mf_get_run
SELECT json_build_object('flow_id', flow, 'run_number', exposed, 'user_name', user_name, 'ts_epoch', ts_epoch,
    'tags', tags, 'system_tags', system_tags, 'last_heartbeat_ts', last_heartbeat_ts)::text
FROM mf_run_rows WHERE run_number = $1

-- name: mf_insert_run
INSERT INTO runs (run_id, project, flow, graph_digest, code, parameters, tags, priority, max_workers, created_by, role,
    traceparent, engine, event_seq)
VALUES ($1, $2, $3, 'metaflow', '{}', '{}', $4, 0, 0, $5, $6, $7, 'metaflow', 1) RETURNING *

-- name: mf_add_run
INSERT INTO mf_runs (run_id, project, flow, name, user_name, ts_epoch, system_tags, lease_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(secs => $8))
ON CONFLICT DO NOTHING RETURNING run_number

-- name: mf_lock_run
-- The run, before anything about it changes. Runs are always locked before their mf_runs.
SELECT m.run_number, m.name, m.end_step, r.* FROM runs r JOIN mf_runs m USING (run_id) WHERE m.run_number = $1 FOR NO KEY UPDATE OF r

-- name: mf_lock_tags
SELECT r.tags, m.system_tags FROM runs r JOIN mf_runs m USING (run_id) WHERE r.run_id = $1 FOR NO KEY UPDATE OF r

-- name: mf_beat_run
UPDATE mf_runs SET beat_at = now() WHERE run_number = $1

-- name: mf_beat_task
UPDATE mf_tasks SET beat_at = now() WHERE task_id = $1

-- name: mf_extend
-- A sign of life: how long the client may be silent from now on. $2: as a rule; $3: when a task has failed and none runs,
-- for then it either tries again or is about to end without a word; $4: before its first heartbeat. Seldom a write.
WITH allowed AS (
    SELECT make_interval(secs => CASE WHEN m.beat_at IS NULL THEN $4::float8
        WHEN EXISTS (SELECT 1 FROM mf_tasks t WHERE t.run_number = $1 AND t.state = 5)
            AND NOT EXISTS (SELECT 1 FROM mf_tasks t WHERE t.run_number = $1 AND t.state IN (2, 3) AND t.step <> '_parameters') THEN $3::float8
        ELSE $2::float8 END) AS silence
    FROM mf_runs m WHERE m.run_number = $1)
UPDATE mf_runs SET lease_until = now() + silence FROM allowed
WHERE run_number = $1 AND lease_until IS NOT NULL AND lease_until - now() NOT BETWEEN silence - interval '1 second' AND silence

-- name: mf_revive_run
-- The client that was thought to be gone goes on.
UPDATE runs SET state = 1, failure = NULL, finished_at = NULL WHERE run_id = $1 AND state = 3 AND failure ->> 'code' = 'CLIENT_LOST'
RETURNING run_id

-- name: mf_revive_lease
UPDATE mf_runs SET lease_until = now() + make_interval(secs => $2) WHERE run_number = $1

-- name: mf_revive_tasks
UPDATE mf_tasks SET state = 3, failure = NULL, finished_at = NULL
WHERE run_number = $1 AND state = 5 AND failure ->> 'code' = 'CLIENT_LOST'

-- name: mf_run_over
UPDATE mf_runs SET lease_until = NULL WHERE run_number = $1

-- name: mf_set_origin
UPDATE runs SET origin_run_id = $2 WHERE run_id = $1 AND origin_run_id IS NULL

-- name: mf_set_end_step
UPDATE mf_runs SET end_step = $2 WHERE run_number = $1

-- name: mf_silent_runs
SELECT run_number FROM mf_runs WHERE lease_until < now() LIMIT 100

-- name: mf_still_silent
SELECT run_number FROM mf_runs WHERE run_number = $1 AND lease_until < now() FOR UPDATE

-- name: mf_last_failure
SELECT task_id, name, step, failure FROM mf_tasks WHERE run_number = $1 AND state = 5 AND step <> '_parameters'
ORDER BY finished_at DESC LIMIT 1

-- name: mf_stop_tasks
UPDATE mf_tasks SET state = $2, failure = $3, finished_at = now() WHERE run_number = $1 AND state IN (2, 3)

-- name: mf_list_steps
SELECT coalesce(json_agg(json_build_object('flow_id', r.flow, 'run_number', r.exposed, 'step_name', s.step, 'user_name', s.user_name,
    'ts_epoch', s.ts_epoch, 'tags', r.tags, 'system_tags', r.system_tags) ORDER BY s.number), '[]')::text
FROM mf_steps s JOIN mf_run_rows r USING (run_number) WHERE s.run_number = $1

-- name: mf_get_step
SELECT json_build_object('flow_id', r.flow, 'run_number', r.exposed, 'step_name', s.step, 'user_name', s.user_name,
    'ts_epoch', s.ts_epoch, 'tags', r.tags, 'system_tags', r.system_tags)::text
FROM mf_steps s JOIN mf_run_rows r USING (run_number) WHERE s.run_number = $1 AND s.step = $2

-- name: mf_add_step
INSERT INTO mf_steps (run_number, step, user_name, ts_epoch) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING step

-- name: mf_step_names
SELECT step FROM mf_steps s JOIN mf_runs USING (run_number) WHERE run_id = $1 AND step <> '_parameters' ORDER BY s.number

-- name: mf_rows_of_tasks
SELECT coalesce(json_agg(json_build_object('flow_id', flow, 'run_number', run, 'step_name', step, 'task_id', exposed, 'user_name', user_name,
    'ts_epoch', ts_epoch, 'tags', tags, 'system_tags', system_tags, 'last_heartbeat_ts', last_heartbeat_ts) ORDER BY task_id), '[]')::text
FROM mf_task_rows WHERE run_number = $1 AND step = $2

-- name: mf_get_task
SELECT json_build_object('flow_id', flow, 'run_number', run, 'step_name', step, 'task_id', exposed, 'user_name', user_name,
    'ts_epoch', ts_epoch, 'tags', tags, 'system_tags', system_tags, 'last_heartbeat_ts', last_heartbeat_ts)::text
FROM mf_task_rows WHERE task_id = $1

-- name: mf_add_task
INSERT INTO mf_tasks (run_number, step, name, user_name, ts_epoch) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING task_id

-- name: mf_begin_attempt
-- Returns nothing when the attempt was known already.
UPDATE mf_tasks SET state = 3, attempt = $2, started_at = now(), finished_at = NULL, failure = NULL, origin_run_id = $3
WHERE task_id = $1 AND (state = 2 OR attempt < $2) RETURNING started_at

-- name: mf_attempt_ok
UPDATE mf_tasks SET ok_attempt = $2 WHERE task_id = $1 AND attempt <= $2

-- name: mf_attempt_failed
UPDATE mf_tasks SET state = 5, attempt = $2, failure = $3, finished_at = now()
WHERE task_id = $1 AND attempt <= $2 AND state IN (2, 3) RETURNING finished_at

-- name: mf_attempt_done
UPDATE mf_tasks SET state = 4, finished_at = now(), failure = NULL
WHERE task_id = $1 AND attempt = $2 AND ok_attempt = $2 AND state <> 4 RETURNING started_at, finished_at, origin_run_id

-- name: mf_add_metadata
INSERT INTO mf_metadata (task_id, field_name, value, type, user_name, ts_epoch, tags)
SELECT $1, d ->> 'field_name', d ->> 'value', d ->> 'type', d ->> 'user_name', (d ->> 'ts_epoch')::int8,
    ARRAY(SELECT jsonb_array_elements_text(d -> 'tags'))
FROM jsonb_array_elements($2::jsonb) d

-- name: mf_list_metadata
SELECT coalesce(json_agg(json_build_object('id', m.id, 'flow_id', t.flow, 'run_number', t.run, 'step_name', t.step, 'task_id', t.exposed,
    'field_name', m.field_name, 'value', m.value, 'type', m.type, 'user_name', m.user_name, 'ts_epoch', m.ts_epoch, 'tags', m.tags,
    'system_tags', '[]'::json) ORDER BY m.id), '[]')::text
FROM mf_metadata m JOIN mf_task_rows t USING (task_id) WHERE m.task_id = $1

-- name: mf_metadata_of_run
SELECT coalesce(json_agg(json_build_object('id', m.id, 'flow_id', t.flow, 'run_number', t.run, 'step_name', t.step, 'task_id', t.exposed,
    'field_name', m.field_name, 'value', m.value, 'type', m.type, 'user_name', m.user_name, 'ts_epoch', m.ts_epoch, 'tags', m.tags,
    'system_tags', '[]'::json) ORDER BY m.id), '[]')::text
FROM mf_metadata m JOIN mf_task_rows t USING (task_id) WHERE t.run_number = $1

-- name: mf_filter_tasks
-- $3: field or ''; $4: regular expression or ''.
SELECT t.exposed #>> '{}' AS task FROM mf_task_rows t
WHERE t.run_number = $1 AND t.step = $2 AND (($3 = '' AND $4 = '') OR EXISTS (
    SELECT 1 FROM mf_metadata m WHERE m.task_id = t.task_id AND ($3 = '' OR m.field_name = $3) AND ($4 = '' OR m.value ~ $4)))
ORDER BY t.task_id

-- name: mf_add_artifacts
INSERT INTO mf_artifacts (task_id, attempt, name, sha, type, content_type, ds_type, location, user_name, ts_epoch)
SELECT $1, (a ->> 'attempt')::int, a ->> 'name', a ->> 'sha', a ->> 'type', a ->> 'content_type', a ->> 'ds_type', a ->> 'location',
    a ->> 'user_name', (a ->> 'ts_epoch')::int8
FROM jsonb_array_elements($2::jsonb) a ON CONFLICT DO NOTHING

-- name: mf_artifacts_of_task
-- $2: attempt; NULL: the latest that has any. $3: name; NULL: all.
SELECT coalesce(json_agg(json_build_object('flow_id', t.flow, 'run_number', t.run, 'step_name', t.step, 'task_id', t.exposed, 'name', a.name,
    'location', a.location, 'ds_type', a.ds_type, 'sha', a.sha, 'type', a.type, 'content_type', a.content_type, 'user_name', a.user_name,
    'attempt_id', a.attempt, 'ts_epoch', a.ts_epoch, 'tags', t.tags, 'system_tags', t.system_tags) ORDER BY a.name), '[]')::text
FROM mf_artifacts a JOIN mf_task_rows t USING (task_id)
WHERE a.task_id = $1 AND a.attempt = coalesce($2, (SELECT max(attempt) FROM mf_artifacts l WHERE l.task_id = $1))
    AND ($3::text IS NULL OR a.name = $3)

-- name: mf_artifacts_of_run
-- $2: step; NULL: all.
SELECT coalesce(json_agg(json_build_object('flow_id', t.flow, 'run_number', t.run, 'step_name', t.step, 'task_id', t.exposed, 'name', a.name,
    'location', a.location, 'ds_type', a.ds_type, 'sha', a.sha, 'type', a.type, 'content_type', a.content_type, 'user_name', a.user_name,
    'attempt_id', a.attempt, 'ts_epoch', a.ts_epoch, 'tags', t.tags, 'system_tags', t.system_tags) ORDER BY a.task_id, a.name), '[]')::text
FROM mf_task_rows t JOIN mf_artifacts a USING (task_id)
WHERE t.run_number = $1 AND ($2::text IS NULL OR t.step = $2)
    AND a.attempt = (SELECT max(attempt) FROM mf_artifacts l WHERE l.task_id = a.task_id)

-- name: mf_new_artifacts
-- What an attempt leaves, and whether an earlier task of the run had the same value under this name.
SELECT a.name, a.sha, a.content_type, NOT EXISTS (
    SELECT 1 FROM mf_tasks o JOIN mf_artifacts b USING (task_id)
    WHERE o.run_number = $3 AND o.task_id < $1 AND o.state = 4 AND b.name = a.name AND b.sha = a.sha) AS new
FROM mf_artifacts a WHERE a.task_id = $1 AND a.attempt = $2 AND a.name NOT LIKE '\_%' ORDER BY a.name

-- name: mf_list_tasks
-- $2: step or ''; $3: state or 0; $4: id as the client writes it, or ''; $5: after this task; $6: at most.
SELECT * FROM (
    SELECT t.*, m.run_id, coalesce(t.name, t.task_id::text) AS exposed,
        CASE WHEN r.state <> 1 AND t.state IN (2, 3) THEN 6 ELSE t.state END AS shown_state
    FROM mf_runs m JOIN runs r USING (run_id) JOIN mf_tasks t USING (run_number)
    WHERE m.run_id = $1 AND t.step <> '_parameters') x
WHERE ($2 = '' OR step = $2) AND ($3 = 0 OR shown_state = $3) AND ($4 = '' OR exposed = $4) AND task_id > $5
ORDER BY task_id LIMIT $6

-- name: mf_names
-- Runs as their clients call them.
SELECT run_id, flow || '/' || coalesce(name, run_number::text) AS external_id FROM mf_runs WHERE run_id = ANY ($1::uuid[])
