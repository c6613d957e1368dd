-- name: lock_pool
SELECT pg_advisory_xact_lock(hashtextextended('pool:' || $1, 0))

-- name: pool_room
-- Slots that are free, and all of them. A slot may have tasks ahead: those of one worker take its slots and no others.
WITH workers AS (SELECT session_id, slots FROM sessions WHERE pool = $1 AND lease_until > now()
), held AS (SELECT session_id, count(*)::int AS tasks FROM tasks WHERE pool = $1 AND state = 3 GROUP BY session_id)
SELECT whole - (SELECT coalesce(sum(least(h.tasks, w.slots)), 0)::int FROM held h LEFT JOIN workers w USING (session_id)) AS free, whole
FROM (SELECT coalesce(sum(slots), 0)::int AS whole FROM workers) s

-- name: spots
-- The workers of pools, and what their tasks have of them. One that has not sent a heartbeat may not listen yet.
SELECT s.session_id, s.pool, s.slots, s.gang_slots, s.gpus, s.memory_mb, s.cpus, s.seen_at > s.opened_at AS listens,
    coalesce(t.busy, 0)::int AS busy, coalesce(t.gpus, 0)::int AS gpus_used, coalesce(t.memory_mb, 0)::int8 AS memory_used
FROM sessions s LEFT JOIN LATERAL (
    SELECT count(*) AS busy, sum(gpus) AS gpus, sum(memory_mb) AS memory_mb FROM tasks
    WHERE session_id = s.session_id AND state = 3) t ON true
WHERE s.pool = ANY ($1::text[]) AND s.lease_until > now() ORDER BY s.opened_at

-- name: place_tasks
-- Given to one worker, with what they get of it. All other tasks are anybody's, and have nothing.
UPDATE tasks t SET session_id = g.session_id, gpus = g.gpus, memory_mb = g.memory_mb
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::uuid[], $6::int[], $7::int8[])
    AS g (run_id, step, path, index, session_id, gpus, memory_mb)
WHERE t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index AND t.state = 3

-- name: contended
-- Does more than one run want a slot of this pool?
WITH one AS (
    (SELECT run_id FROM tasks WHERE pool = $1 AND state = 2 AND not_before <= now() LIMIT 1)
    UNION ALL (SELECT run_id FROM splits WHERE pool = $1 AND next_index < width LIMIT 1) LIMIT 1)
SELECT EXISTS (SELECT 1 FROM tasks
               WHERE pool = $1 AND state = 2 AND not_before <= now() AND run_id <> (SELECT run_id FROM one))
    OR EXISTS (SELECT 1 FROM splits WHERE pool = $1 AND next_index < width AND run_id <> (SELECT run_id FROM one))

-- name: ready_tasks
-- Of every run that waits its share of 1000 tasks: one with very many hides no other. The recursion steps from run to
-- run by the index, whatever they have waiting.
WITH RECURSIVE queues AS (
    (SELECT -priority AS rank, run_id FROM tasks WHERE pool = $1 AND state = 2 ORDER BY -priority, run_id LIMIT 1)
    UNION ALL
    SELECT n.rank, n.run_id FROM queues q CROSS JOIN LATERAL (
        SELECT -priority AS rank, run_id FROM tasks
        WHERE pool = $1 AND state = 2 AND (-priority, run_id) > (q.rank, q.run_id)
        ORDER BY -priority, run_id LIMIT 1) n
), those AS MATERIALIZED (SELECT rank, run_id FROM queues LIMIT 1000)
SELECT q.run_id, t.step, t.path, t.index, t.priority, r.project
FROM those q
JOIN runs r ON r.run_id = q.run_id AND r.state = 1 AND r.paused_at IS NULL
CROSS JOIN LATERAL (
    SELECT step, path, index, step_no, priority, not_before FROM tasks
    WHERE pool = $1 AND state = 2 AND -priority = q.rank AND run_id = q.run_id AND not_before <= now()
    ORDER BY not_before, index LIMIT 1 + 1000 / (SELECT count(*) FROM those)) t
ORDER BY t.priority DESC, t.not_before, t.step_no, t.index

-- name: open_splits
-- The same of the foreach steps that have branches without a row.
WITH RECURSIVE queues AS (
    (SELECT -priority AS rank, run_id FROM splits WHERE pool = $1 AND next_index < width
     ORDER BY -priority, run_id LIMIT 1)
    UNION ALL
    SELECT n.rank, n.run_id FROM queues q CROSS JOIN LATERAL (
        SELECT -priority AS rank, run_id FROM splits
        WHERE pool = $1 AND next_index < width AND (-priority, run_id) > (q.rank, q.run_id)
        ORDER BY -priority, run_id LIMIT 1) n
), those AS MATERIALIZED (SELECT rank, run_id FROM queues LIMIT 1000)
SELECT q.run_id, s.step, s.path, s.index, s.priority, s.width - s.next_index AS left, r.project
FROM those q
JOIN runs r ON r.run_id = q.run_id AND r.state = 1 AND r.paused_at IS NULL AND r.reuse IS NULL -- else: lookups.py
CROSS JOIN LATERAL (
    SELECT step, path, index, priority, width, next_index, created_at FROM splits
    WHERE pool = $1 AND next_index < width AND -priority = q.rank AND run_id = q.run_id
    ORDER BY created_at LIMIT 1 + 1000 / (SELECT count(*) FROM those)) s
ORDER BY s.priority DESC, s.created_at

-- name: ready_members
SELECT index FROM tasks WHERE run_id = $1 AND step = $2 AND path = $3 AND state = 2 AND not_before <= now() ORDER BY index

-- name: running_tasks
SELECT run_id, count(*)::int AS running FROM tasks WHERE run_id = ANY ($1::uuid[]) AND state = 3 GROUP BY run_id

-- name: read_splits
SELECT s.run_id, s.step, s.path, s.index, s.target, s.widths, s.width, s.next_index
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) AS g (run_id, step, path, index)
JOIN splits s ON s.run_id = g.run_id AND s.step = g.step AND s.path = g.path AND s.index = g.index

-- name: insert_branches
-- New tasks of a foreach, ready: the next statement hands them out.
INSERT INTO tasks (run_id, step, path, index, step_no, state, attempt, pool, priority, widths, parent)
SELECT run_id, step, path, index, step_no, 2, 0, pool, priority, widths, parent
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::int2[], $6::text[], $7::int[], $8::text[], $9::text[])
    AS g (run_id, step, path, index, step_no, pool, priority, widths, parent)
ON CONFLICT DO NOTHING

-- name: dispatch_tasks
-- A new attempt begins: nobody holds it until a worker says so.
UPDATE tasks t SET state = 3, attempt = t.attempt + 1, dispatched_at = now(), session_id = NULL, announced = false,
    started_at = NULL, lease_until = now() + make_interval(secs => $5)
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) AS g (run_id, step, path, index)
WHERE t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index AND t.state = 2
RETURNING t.run_id, t.step, t.path, t.index, t.attempt, t.retry_count, t.widths, t.parent, t.caught, t.failure

-- name: pools_with_work
WITH RECURSIVE ready AS (
    (SELECT pool FROM tasks WHERE state = 2 ORDER BY pool LIMIT 1)
    UNION ALL
    SELECT n.pool FROM ready r CROSS JOIN LATERAL (
        SELECT pool FROM tasks WHERE state = 2 AND pool > r.pool ORDER BY pool LIMIT 1) n
), open AS (
    (SELECT pool FROM splits WHERE next_index < width ORDER BY pool LIMIT 1)
    UNION ALL
    SELECT n.pool FROM open o CROSS JOIN LATERAL (
        SELECT pool FROM splits WHERE next_index < width AND pool > o.pool ORDER BY pool LIMIT 1) n
)
SELECT pool FROM ready UNION SELECT pool FROM open

-- name: find_lost
-- Attempts nobody works on any more: never picked up, or their worker is gone.
SELECT t.run_id, t.step, t.path, t.index, t.attempt, t.session_id, t.lost, t.unclaimed, t.pool
FROM tasks t
WHERE t.state = 3 AND (
    (t.session_id IS NULL AND t.lease_until < now())
    OR (t.session_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM sessions s WHERE s.session_id = t.session_id AND s.lease_until > now())
        AND t.dispatched_at < now() - make_interval(secs => $1)))
LIMIT 500

-- name: lost_with
-- What a session had.
SELECT run_id, step, path, index, attempt, session_id, lost, unclaimed, pool FROM tasks WHERE session_id = $1 AND state = 3

-- name: find_attempt
-- Has somebody begun this attempt? Nothing: it is over.
SELECT session_id IS NOT NULL AS begun FROM tasks
WHERE run_id = $1 AND step = $2 AND path = $3 AND index = $4 AND attempt = $5 AND state = 3

-- name: redispatch
-- Back among the ready, under the attempt's fence; $6: was a worker lost with it. One that nobody has begun counts.
UPDATE tasks SET state = 2, session_id = NULL, lease_until = NULL, announced = false, started_at = NULL,
    not_before = now(), lost = lost + $6::int, unclaimed = CASE WHEN session_id IS NULL THEN unclaimed + 1 ELSE 0 END
WHERE run_id = $1 AND step = $2 AND path = $3 AND index = $4 AND attempt = $5 AND state = 3
RETURNING pool

-- name: drop_sessions
DELETE FROM sessions WHERE lease_until < now() - interval '1 minute'

-- name: lock_limit
SELECT pg_advisory_xact_lock(hashtextextended('limit:' || $1 || '/' || $2, 0))

-- name: read_limits
-- What is left of each limit: $1 projects, $2 keys. Nothing for a key without a limit.
SELECT l.project, l.key, l.most - (
    SELECT count(*) FROM tasks t JOIN runs r ON r.run_id = t.run_id
    WHERE t.state = 3 AND t.limits @> ARRAY[l.key] AND r.project = l.project)::int AS left
FROM unnest($1::text[], $2::text[]) AS g (project, key) JOIN limits l ON l.project = g.project AND l.key = g.key

-- name: hold_limits
UPDATE tasks t SET limits = string_to_array(g.limits, ' ')
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::text[]) AS g (run_id, step, path, index, limits)
WHERE t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index

-- name: set_limit
INSERT INTO limits (project, key, most) VALUES ($1, $2, $3) ON CONFLICT (project, key) DO UPDATE SET most = excluded.most

-- name: remove_limit
DELETE FROM limits WHERE project = $1 AND key = $2

-- name: list_limits
SELECT l.key, l.most, (SELECT count(*) FROM tasks t JOIN runs r ON r.run_id = t.run_id
    WHERE t.state = 3 AND t.limits @> ARRAY[l.key] AND r.project = l.project)::int AS running
FROM limits l WHERE l.project = $1 ORDER BY l.key
