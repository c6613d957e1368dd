-- name: lock_runs
-- Every transaction that settles or hands out tasks takes its runs first, in this order: no two can wait in a circle.
SELECT run_id, state, event_seq FROM runs WHERE run_id = ANY($1::uuid[]) ORDER BY run_id FOR NO KEY UPDATE

-- name: settle_successes
-- The hot write. Per given completion one row: was it the first of this attempt, and what is left of its split.
WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::int[], $6::bytea[], $7::int[], $8::timestamptz[],
                         $9::uuid[], $10::text[], $11::text[], $12::int[], $13::text[])
        WITH ORDINALITY AS g (run_id, step, path, index, attempt, result, width, started_at, session_id, split, split_path, split_index,
                              chosen, n)
), locked AS MATERIALIZED (
    SELECT run_id, state, event_seq, created_at, paused_at FROM runs WHERE run_id = ANY ($1::uuid[]) ORDER BY run_id FOR NO KEY UPDATE
), hit AS (
    UPDATE tasks t SET state = 4, result = g.result, foreach_width = g.width, chosen = g.chosen, finished_at = now(), failure = NULL,
        session_id = coalesce(t.session_id, g.session_id), started_at = coalesce(t.started_at, g.started_at)
    FROM given g JOIN locked l ON l.run_id = g.run_id
    WHERE l.state = 1 AND t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index
        AND t.attempt = g.attempt AND t.state = 3
    RETURNING g.n, t.run_id, t.widths, t.parent, t.announced, t.started_at, t.foreach_width, g.split, g.split_path, g.split_index
), arrived AS (
    UPDATE splits s SET remaining = s.remaining - c.arrivals
    FROM (SELECT run_id, split, split_path, split_index, count(*)::int AS arrivals FROM hit
          WHERE split IS NOT NULL GROUP BY 1, 2, 3, 4) c
    WHERE s.run_id = c.run_id AND s.step = c.split AND s.path = c.split_path AND s.index = c.split_index
    RETURNING s.run_id, s.step, s.path, s.index, s.width, s.next_index, s.remaining
)
SELECT g.n::int, h.n IS NOT NULL AS hit, h.widths, h.parent, h.announced, h.started_at, h.foreach_width, now() AS at,
    l.state AS run_state, l.event_seq, l.created_at, l.paused_at, a.width, a.next_index, a.remaining
FROM given g
JOIN locked l ON l.run_id = g.run_id
LEFT JOIN hit h ON h.n = g.n
LEFT JOIN arrived a ON a.run_id = g.run_id AND a.step = g.split AND a.path = g.split_path AND a.index = g.split_index
ORDER BY g.n

-- name: find_failed
-- A failed attempt, if it still counts.
SELECT t.retry_count, t.caught, now() AS at
FROM runs r
JOIN tasks t ON t.run_id = r.run_id AND t.step = $2 AND t.path = $3 AND t.index = $4 AND t.attempt = $5 AND t.state = 3
WHERE r.run_id = $1 AND r.state = 1

-- name: retry_task
-- $6: seconds until it may begin; $7: only @catch is left to do.
UPDATE tasks SET state = 2, not_before = now() + make_interval(secs => $6), retry_count = retry_count + (NOT $7)::int,
    caught = $7, failure = $5, session_id = NULL, lease_until = NULL, announced = false
WHERE run_id = $1 AND step = $2 AND path = $3 AND index = $4

-- name: read_gang
-- Its members, locked. Who works on it has to be told when it stops.
SELECT index, attempt, state, pool, session_id FROM tasks
WHERE run_id = $1 AND step = $2 AND path = $3 AND state IN (2, 3, 4) ORDER BY index FOR UPDATE

-- name: restart_gang
-- All of its members begin anew, also those that were done. $4: seconds until they may; $5: does @retry pay for it;
-- $6: only @catch is left to do, of those that are not done; $8: the member whose worker was lost, or -1.
UPDATE tasks SET state = 2, not_before = now() + make_interval(secs => $4), retry_count = retry_count + $5::int,
    caught = $6, failure = $7, session_id = NULL, lease_until = NULL, announced = false, started_at = NULL,
    finished_at = NULL, lost = lost + (index = $8)::int
WHERE run_id = $1 AND step = $2 AND path = $3 AND (state IN (2, 3) OR (state = 4 AND NOT $6))

-- name: reset_split
-- Nobody has arrived.
UPDATE splits SET remaining = width WHERE run_id = $1 AND step = $2 AND path = $3 AND index = $4

-- name: fail_task
UPDATE tasks SET state = 5, failure = $5, finished_at = now(), session_id = coalesce(session_id, $6),
    started_at = coalesce(started_at, $7)
WHERE run_id = $1 AND step = $2 AND path = $3 AND index = $4

-- name: stop_tasks
-- What is left of a run that is over. Returns who has to be told.
UPDATE tasks t SET state = 6, finished_at = now()
WHERE run_id = $1 AND state IN (1, 2, 3)
RETURNING t.step, t.path, t.index, t.attempt, t.pool, t.session_id

-- name: stop_splits
UPDATE splits SET next_index = width WHERE run_id = $1 AND next_index < width

-- name: find_outcomes
-- How completions that changed nothing stand.
SELECT g.n::int, t.state, t.attempt
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) WITH ORDINALITY AS g (run_id, step, path, index, n)
LEFT JOIN tasks t ON t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index
ORDER BY g.n

-- name: advance
-- New tasks (one with a session is given to it in the same breath), the sequence numbers that the runs have used, the
-- end of those that are over, and the events that tell of it: one statement, for it is on the path of every task.
WITH made AS (
    INSERT INTO tasks (run_id, step, path, index, step_no, state, attempt, pool, priority, widths, parent, session_id,
        announced, dispatched_at, started_at)
    SELECT run_id, step, path, index, step_no, CASE WHEN session_id IS NULL THEN 2 ELSE 3 END,
        (session_id IS NOT NULL)::int, pool, priority, widths, parent, session_id, announced,
        CASE WHEN session_id IS NOT NULL THEN now() END, CASE WHEN begun THEN now() END
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::int2[], $6::text[], $7::int[], $8::text[], $9::text[],
                $10::uuid[], $11::bool[], $12::bool[])
        AS g (run_id, step, path, index, step_no, pool, priority, widths, parent, session_id, announced, begun)
    ON CONFLICT DO NOTHING
), told AS (
    INSERT INTO outbox (id, subject, headers, body)
    SELECT * FROM unnest($17::text[], $18::text[], $19::jsonb[], $20::bytea[])
)
UPDATE runs r SET event_seq = g.event_seq, state = g.state, failure = g.failure,
    finished_at = CASE WHEN g.state <> 1 THEN now() END
FROM unnest($13::uuid[], $14::int8[], $15::int2[], $16::jsonb[]) AS g (run_id, event_seq, state, failure)
WHERE r.run_id = g.run_id

-- name: insert_splits
INSERT INTO splits (run_id, step, path, index, target, width, next_index, remaining, widths, pool, priority)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::text[], $6::int[], $7::int[], $8::int[], $9::text[],
                     $10::text[], $11::int[])
ON CONFLICT DO NOTHING

-- name: advance_splits
UPDATE splits s SET next_index = g.next_index
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::int[]) AS g (run_id, step, path, index, next_index)
WHERE s.run_id = g.run_id AND s.step = g.step AND s.path = g.path AND s.index = g.index

-- name: load_results
SELECT g.n::int, t.attempt, t.result
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) WITH ORDINALITY AS g (run_id, step, path, index, n)
JOIN tasks t ON t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index AND t.state = 4
ORDER BY g.n

-- name: split_width
SELECT width FROM splits WHERE run_id = $1 AND step = $2 AND path = $3 AND index = $4

-- name: insert_arrivals
INSERT INTO arrivals (run_id, split, split_path, split_index, branch, step, path, index)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::int[], $6::text[], $7::text[], $8::int[])
ON CONFLICT DO NOTHING

-- name: list_arrivals
SELECT step, path, index FROM arrivals WHERE run_id = $1 AND split = $2 AND split_path = $3 AND split_index = $4
ORDER BY branch OFFSET $5 LIMIT $6
