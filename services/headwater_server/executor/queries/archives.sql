-- name: run_ended
INSERT INTO archives (run_id, project, due_at) VALUES ($1, $2, now() + $3::interval)
ON CONFLICT (run_id) DO UPDATE SET checks = 0, due_at = excluded.due_at

-- name: look_soon
-- Runs of which the stream may soon drop chunks, whether they are over or not.
INSERT INTO archives (run_id, project, due_at) SELECT r, p, now() FROM unnest($1::uuid[], $2::text[]) AS u (r, p)
ON CONFLICT (run_id) DO UPDATE SET due_at = least(archives.due_at, excluded.due_at)

-- name: seconds_to_next
SELECT extract(epoch FROM min(due_at) - now())::float8 FROM archives WHERE due_at IS NOT NULL

-- name: claim_due
-- The new due_at is a lease: should this process die, another one looks again then.
UPDATE archives SET due_at = now() + $1::interval
WHERE run_id = (
    SELECT run_id FROM archives WHERE due_at <= now() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING run_id, project, last_seq, parts, checks

-- name: add_part
-- No row comes back when another process has added this part first.
WITH owner AS (
    UPDATE archives SET parts = parts + 1, last_seq = $6 WHERE run_id = $1 AND parts = $2
    RETURNING run_id
)
INSERT INTO parts (run_id, part, object, size, chunks, last_seq, index)
SELECT run_id, $2, $3, $4, $5, $6, $7 FROM owner
RETURNING part

-- name: look_again
UPDATE archives SET checks = $2, due_at = now() + $3::interval WHERE run_id = $1

-- name: looked_last
UPDATE archives SET due_at = NULL WHERE run_id = $1 AND parts > 0

-- name: forget_empty
DELETE FROM archives WHERE run_id = $1 AND parts = 0

-- name: list_parts
SELECT part, object, last_seq, index FROM parts WHERE run_id = $1 ORDER BY part
