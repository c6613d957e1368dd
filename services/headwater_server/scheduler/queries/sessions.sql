-- name: open_session
INSERT INTO sessions (session_id, pool, name, slots, labels, free, lease_until)
VALUES ($1, $2, $3, $4, $5, $4, now() + make_interval(secs => $6))

-- name: close_session
DELETE FROM sessions WHERE session_id = $1 RETURNING pool

-- name: beat
UPDATE sessions SET seen_at = now(), free = $2, lease_until = now() + make_interval(secs => $3)
WHERE session_id = $1 RETURNING pool, name, slots

-- name: held_by
SELECT t.run_id, t.step, t.path, t.index, t.attempt, t.dispatched_at < now() - make_interval(secs => $2) AS settled
FROM tasks t WHERE t.session_id = $1 AND t.state = 3

-- name: take_hold
-- A worker says that it holds these attempts. Returns the keys of those it may keep.
UPDATE tasks t SET session_id = $1, started_at = coalesce(t.started_at, now())
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::int[], $6::int[]) AS g (run_id, step, path, index, attempt)
WHERE t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index AND t.attempt = g.attempt
    AND t.state = 3
RETURNING t.run_id, t.step, t.path, t.index, t.attempt, t.started_at, t.announced, t.widths

-- name: announce
UPDATE tasks t SET announced = true
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) AS g (run_id, step, path, index)
WHERE t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index

-- name: next_seq
UPDATE runs SET event_seq = event_seq + $2 WHERE run_id = $1 RETURNING event_seq

-- name: claim
-- May this worker begin the attempt? The first who asks may.
UPDATE tasks SET session_id = $6
WHERE run_id = $1 AND step = $2 AND path = $3 AND index = $4 AND attempt = $5 AND state = 3
    AND (session_id IS NULL OR session_id = $6)
RETURNING 1

-- name: live_attempt
SELECT 1 FROM tasks WHERE run_id = $1 AND step = $2 AND path = $3 AND index = $4 AND attempt = $5 AND state = 3

-- name: list_sessions
SELECT s.session_id, s.pool, s.name, s.slots, s.labels, s.opened_at, s.seen_at,
    (SELECT count(*) FROM tasks t WHERE t.session_id = s.session_id AND t.state = 3)::int AS busy
FROM sessions s WHERE s.lease_until > now() ORDER BY s.pool, s.opened_at

-- name: live_pools
SELECT DISTINCT pool FROM sessions WHERE lease_until > now()
