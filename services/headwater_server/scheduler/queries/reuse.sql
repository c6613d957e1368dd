-- name: lock_lookups
SELECT pg_advisory_xact_lock(hashtextextended('lookups', 0))

-- name: reusing_runs
-- Running runs that take results over and have tasks to look for, or branches to make. Nothing is read where there is none.
SELECT run_id FROM runs r
WHERE reuse IS NOT NULL AND state = 1 AND (
    EXISTS (SELECT 1 FROM tasks t WHERE t.run_id = r.run_id AND t.state = 1)
    OR EXISTS (SELECT 1 FROM splits s WHERE s.run_id = r.run_id AND s.next_index < s.width))
ORDER BY run_id LIMIT 64

-- name: splits_to_open
-- Open foreach steps of these runs, each with what it has ready but nobody has taken yet, at most $2.
SELECT s.run_id, s.step, s.path, s.index, s.target, s.widths, s.width, s.next_index,
    (SELECT count(*) FROM (SELECT 1 FROM tasks t
        WHERE t.pool = s.pool AND t.state = 2 AND -t.priority = -s.priority AND t.run_id = s.run_id LIMIT $2) b)::int AS backlog
FROM splits s WHERE s.run_id = ANY ($1::uuid[]) AND s.next_index < s.width
ORDER BY s.created_at LIMIT 64

-- name: hold_back
-- New tasks wait until it was looked whether an earlier result does for them.
UPDATE tasks t SET state = 1
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) AS g (run_id, step, path, index)
WHERE t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index AND t.state = 2 AND t.attempt = 0

-- name: waiting_tasks
-- Of each run its share of tasks to look for.
SELECT t.run_id, t.step, t.path, t.index, t.widths, t.parent
FROM unnest($1::uuid[]) AS r (run_id) CROSS JOIN LATERAL (
    SELECT * FROM tasks w WHERE w.run_id = r.run_id AND w.state = 1 ORDER BY w.step_no, w.path, w.index LIMIT $2) t

-- name: earlier_results
-- What earlier runs made of these tasks: $4 the runs to look in, joined by a blank, the best first; $5: also what those have
-- taken over themselves, which says nothing about their own code unless they were cached runs.
SELECT g.n::int, o.run_id, o.foreach_width, o.chosen, o.result, coalesce(o.origin_run_id, o.run_id) AS origin
FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::bool[]) WITH ORDINALITY AS g (step, path, index, runs, any_run, n)
CROSS JOIN LATERAL (
    SELECT t.run_id, t.foreach_width, t.chosen, t.result, t.origin_run_id
    FROM unnest(string_to_array(g.runs, ' ')::uuid[]) WITH ORDINALITY AS c (run_id, place)
    JOIN tasks t ON t.run_id = c.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index AND t.state = 4
    JOIN runs r ON r.run_id = c.run_id
    WHERE g.any_run OR t.origin_run_id IS NULL OR r.reuse ->> 'mode' = 'cached'
    ORDER BY c.place LIMIT 4) o
ORDER BY g.n

-- name: runs_to_look_in
-- Earlier runs of a flow, newest first.
SELECT * FROM runs WHERE project = $1 AND flow = $2 AND run_id < $3 AND engine = '' ORDER BY run_id DESC LIMIT 50

-- name: whole_gang
-- How many members of a gang the origin has finished.
SELECT count(*)::int FROM tasks WHERE run_id = $1 AND step = $2 AND path = $3 AND state = 4

-- name: all_taken_over
-- Has everything that a foreach join joins been taken over?
SELECT NOT EXISTS (SELECT 1 FROM tasks WHERE run_id = $1 AND step = $2 AND path = $3 AND state = 4 AND attempt > 0)

-- name: arrivals_taken_over
SELECT NOT EXISTS (
    SELECT 1 FROM arrivals a
    JOIN tasks t ON t.run_id = a.run_id AND t.step = a.step AND t.path = a.path AND t.index = a.index
    WHERE a.run_id = $1 AND a.split = $2 AND a.split_path = $3 AND a.split_index = $4 AND t.attempt > 0)

-- name: begin_taking_over
UPDATE tasks t SET state = 3, announced = true, origin_run_id = g.origin
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::uuid[]) AS g (run_id, step, path, index, origin)
WHERE t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index AND t.state = 1
RETURNING t.run_id, t.step, t.path, t.index

-- name: end_taking_over
-- It took as long as it took where it ran.
UPDATE tasks t SET started_at = o.started_at, finished_at = o.finished_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::uuid[]) AS g (run_id, step, path, index, source)
JOIN tasks o ON o.run_id = g.source AND o.step = g.step AND o.path = g.path AND o.index = g.index
WHERE t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index AND t.state = 4

-- name: let_run
-- Nothing earlier does.
UPDATE tasks t SET state = 2
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int[]) AS g (run_id, step, path, index)
WHERE t.run_id = g.run_id AND t.step = g.step AND t.path = g.path AND t.index = g.index AND t.state = 1

-- name: hold_sources
-- Those of these runs that are still there; they stay until the end of the transaction.
SELECT run_id FROM runs WHERE run_id = ANY ($1::uuid[]) ORDER BY run_id FOR KEY SHARE
