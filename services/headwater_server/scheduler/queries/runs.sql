-- name: put_graph
INSERT INTO graphs (digest, graph) VALUES ($1, $2) ON CONFLICT DO NOTHING

-- name: get_graph
SELECT graph FROM graphs WHERE digest = $1

-- name: insert_run
INSERT INTO runs (run_id, project, flow, request_id, graph_digest, code, parameters, tags, priority, max_workers, created_by,
    role, traceparent, origin_run_id, trigger, deployment, reuse, deadline, paused_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
    now() + make_interval(secs => $18), CASE WHEN $19 THEN now() END)
ON CONFLICT (project, request_id) WHERE request_id IS NOT NULL DO NOTHING
RETURNING created_at

-- name: run_of_request
SELECT run_id, flow FROM runs WHERE project = $1 AND request_id = $2

-- name: get_run
SELECT * FROM runs WHERE run_id = $1

-- name: runs_ending_in
-- $1: the reversed end of an id as a pattern; $2: project, or "*".
SELECT run_id FROM runs WHERE reverse(run_id::text) LIKE $1 AND ($2 = '*' OR project = $2) LIMIT 3

-- name: latest_run
SELECT run_id FROM runs WHERE ($1 = '*' OR project = $1) ORDER BY run_id DESC LIMIT 1

-- name: lock_tags
SELECT run_id, tags, tags_version, created_by, created_at, trigger, deployment FROM runs WHERE run_id = $1 FOR UPDATE

-- name: set_tags
UPDATE runs SET tags = $2, tags_version = tags_version + 1 WHERE run_id = $1 RETURNING tags_version

-- name: list_runs
-- $8: tags that it must have, among its own and those of the system (see tags.py).
SELECT * FROM runs
WHERE project = $1 AND ($2 = '' OR flow = $2) AND ($3 = 0 OR state = $3) AND ($4 = '' OR $4 = ANY (tags))
    AND ($5 = '' OR deployment = $5) AND ($6 = '' OR trigger ->> 'eventId' = $6) AND ($7::uuid IS NULL OR run_id < $7)
    AND ($8::text[] = '{}' OR $8 <@ (tags || ARRAY['user:' || (created_by ->> 'name'), 'trigger:' || (trigger ->> 'eventName'),
        'production:' || deployment, 'date:' || to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')]))
ORDER BY run_id DESC LIMIT $9

-- name: count_tasks
SELECT run_id, state, count(*)::int AS tasks FROM tasks WHERE run_id = ANY ($1::uuid[]) GROUP BY run_id, state
UNION ALL SELECT m.run_id, CASE WHEN r.state <> 1 AND t.state IN (2, 3) THEN 6 ELSE t.state END, count(*)::int
FROM mf_runs m JOIN runs r USING (run_id) JOIN mf_tasks t USING (run_number)
WHERE m.run_id = ANY ($1::uuid[]) AND t.step <> '_parameters' GROUP BY 1, 2

-- name: keep_counts
UPDATE runs r SET task_counts = g.counts FROM unnest($1::uuid[], $2::jsonb[]) AS g (run_id, counts)
WHERE r.run_id = g.run_id AND r.state <> 1 AND r.task_counts IS NULL

-- name: count_pending
SELECT run_id, sum(width - next_index)::int AS pending FROM splits
WHERE run_id = ANY ($1::uuid[]) AND next_index < width GROUP BY run_id

-- name: waiting_steps
-- Steps of running runs that have something ready, in which pool, and how many tasks.
SELECT run_id, step, pool, max(width)::int AS width FROM (
    SELECT run_id, step, pool, count(*) AS width FROM tasks
    WHERE run_id = ANY ($1::uuid[]) AND state = 2 AND not_before <= now() GROUP BY run_id, step, pool, path
    UNION ALL SELECT run_id, target, pool, width - next_index FROM splits
    WHERE run_id = ANY ($1::uuid[]) AND next_index < width) w
GROUP BY run_id, step, pool ORDER BY run_id, step

-- name: list_tasks
SELECT t.*, CASE WHEN $6 THEN t.result END AS shown, s.name AS worker
FROM tasks t LEFT JOIN worker_names s ON s.session_id = t.session_id
WHERE t.run_id = $1 AND ($2 = '' OR t.step = $2) AND ($3 = 0 OR t.state = $3)
    AND ($4::text IS NULL OR (t.path = $4 AND t.index = $5))
    AND ($7::int IS NULL OR (t.step_no, string_to_array(split_part(t.path, '~', 1), '.')::int[], t.index,
                             string_to_array(split_part(t.path, '~', 2), '.')::int[])
            > ($7, string_to_array(split_part($8, '~', 1), '.')::int[], $9::int,
               string_to_array(split_part($8, '~', 2), '.')::int[]))
ORDER BY t.step_no, string_to_array(split_part(t.path, '~', 1), '.')::int[], t.index,
    string_to_array(split_part(t.path, '~', 2), '.')::int[] LIMIT $10

-- name: list_flows
SELECT flow, count(*)::int AS runs, max(run_id::text) AS latest FROM runs
WHERE project = $1 AND ($2::text[] = '{}' OR $2 <@ (tags || ARRAY['user:' || (created_by ->> 'name'),
    'trigger:' || (trigger ->> 'eventName'), 'production:' || deployment,
    'date:' || to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')]))
GROUP BY flow ORDER BY flow

-- name: pause_run
-- $2: pause or go on. Nothing: the run is over.
UPDATE runs SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, now()) END WHERE run_id = $1 AND state = 1 RETURNING 1

-- name: runs_past_deadline
SELECT run_id, extract(epoch FROM deadline - created_at)::float8 AS seconds FROM runs
WHERE state = 1 AND deadline < now() ORDER BY deadline LIMIT 100

-- name: finish_run
UPDATE runs SET state = $2, failure = $3, finished_at = now(), event_seq = event_seq + 1
WHERE run_id = $1 AND state = 1 RETURNING event_seq, created_at, finished_at
