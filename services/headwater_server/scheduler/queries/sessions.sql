-- name: open_session
WITH named AS (INSERT INTO worker_names (session_id, name) VALUES ($1, $3)), old AS (
    DELETE FROM worker_names WHERE session_id IN (
        SELECT session_id FROM worker_names WHERE opened_at < now() - interval '1 year' LIMIT 100))
INSERT INTO sessions (session_id, pool, name, slots, labels, free, lease_until, address, gpus, memory_mb, cpus, gang_slots)
VALUES ($1, $2, $3, $4, $5, $4, now() + make_interval(secs => $6), $7, $8, $9, $10, $11)

-- name: close_session
DELETE FROM sessions WHERE session_id = $1 RETURNING pool

-- name: beat
UPDATE sessions SET seen_at = now(), free = $2, lease_until = now() + make_interval(secs => $3)
WHERE session_id = $1 RETURNING pool, name, slots

-- name: held_by
-- `settled`: it has had it for so long that its heartbeats must name it.
SELECT t.run_id, t.step, t.path, t.index, t.attempt,
    greatest(t.dispatched_at, t.started_at) < now() - make_interval(secs => $2) AS settled
FROM tasks t WHERE t.session_id = $1 AND t.state = 3

-- name: read_hold
-- Which of the attempts that a worker says it holds it may keep, and what is known of them. $7: seconds after which a
-- task lasts.
SELECT g.n::int, t.session_id IS NOT DISTINCT FROM $1 AND t.started_at IS NOT NULL AS own, t.announced, t.widths,
    t.started_at IS NOT NULL AND t.started_at < now() - make_interval(secs => $7) AS lasts
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::int[], $6::int[])
    WITH ORDINALITY AS g (run_id, step, path, index, attempt, n)
JOIN tasks t ON t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index
    AND t.attempt = g.attempt AND t.state = 3

-- name: take_hold
UPDATE tasks t SET session_id = $1, started_at = coalesce(t.started_at, now())
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::int[], $6::int[])
    WITH ORDINALITY AS g (run_id, step, path, index, attempt, n)
WHERE t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index AND t.attempt = g.attempt
    AND t.state = 3
RETURNING g.n::int, t.started_at, t.announced, t.widths, t.started_at < now() - make_interval(secs => $7) AS lasts

-- name: announce
UPDATE tasks t SET announced = true
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) AS g (run_id, step, path, index)
WHERE t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index

-- name: next_seq
UPDATE runs SET event_seq = event_seq + $2 WHERE run_id = $1 RETURNING event_seq

-- name: claim
-- May this worker begin the attempt? The first who asks may.
UPDATE tasks SET session_id = $6, started_at = coalesce(started_at, now())
WHERE run_id = $1 AND step = $2 AND path = $3 AND index = $4 AND attempt = $5 AND state = 3
    AND (session_id IS NULL OR session_id = $6)
RETURNING 1

-- name: main_address
-- Where the first member of a gang runs, or ran.
SELECT coalesce(nullif(s.address, ''), '127.0.0.1') FROM tasks t LEFT JOIN sessions s ON s.session_id = t.session_id
WHERE t.run_id = $1 AND t.step = $2 AND t.path = $3 AND t.index = 0 AND t.state IN (3, 4) AND t.session_id IS NOT NULL

-- name: live_attempt
SELECT 1 FROM tasks WHERE run_id = $1 AND step = $2 AND path = $3 AND index = $4 AND attempt = $5 AND state = 3

-- name: list_sessions
SELECT s.session_id, s.pool, s.name, s.slots, s.labels, s.opened_at, s.seen_at, s.gpus, s.memory_mb, s.cpus,
    coalesce(t.busy, 0)::int AS busy, coalesce(t.gpus, 0)::int AS gpus_busy
FROM sessions s LEFT JOIN LATERAL (
    SELECT count(*) AS busy, sum(gpus) AS gpus FROM tasks WHERE session_id = s.session_id AND state = 3) t ON true
WHERE s.lease_until > now() ORDER BY s.pool, s.opened_at
