-- name: run_ended
INSERT INTO archives (run_id, project, due_at) VALUES ($1, $2, now() + $3::interval)
ON CONFLICT (run_id) DO UPDATE SET checks = 0, due_at = excluded.due_at WHERE archives.deleted_at IS NULL

-- name: look_soon
-- Runs of which the stream may soon drop chunks, whether they are over or not.
INSERT INTO archives (run_id, project, due_at) SELECT r, p, now() FROM unnest($1::uuid[], $2::text[]) AS u (r, p)
ON CONFLICT (run_id) DO UPDATE SET due_at = least(archives.due_at, excluded.due_at) WHERE archives.deleted_at IS NULL

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
    UPDATE archives SET parts = parts + 1, last_seq = $6 WHERE run_id = $1 AND parts = $2 AND deleted_at IS NULL
    RETURNING run_id
)
INSERT INTO parts (run_id, part, object, size, chunks, last_seq, index)
SELECT run_id, $2, $3, $4, $5, $6, $7 FROM owner
RETURNING part

-- name: look_again
UPDATE archives SET checks = $2, due_at = now() + $3::interval WHERE run_id = $1 AND deleted_at IS NULL

-- name: looked_last
UPDATE archives SET due_at = NULL WHERE run_id = $1 AND parts > 0

-- name: forget_empty
DELETE FROM archives WHERE run_id = $1 AND parts = 0 AND deleted_at IS NULL

-- name: list_parts
SELECT part, object, last_seq, index FROM parts WHERE run_id = $1 ORDER BY part

-- name: claim_run
-- A lease on one run, whether it is due or not.
UPDATE archives SET due_at = now() + $2::interval WHERE run_id = $1 AND deleted_at IS NULL
RETURNING run_id, project, last_seq, parts, checks

-- name: replace_part
-- No row comes back when another process has replaced it first.
WITH changed AS (
    UPDATE parts SET object = $4, size = $5, index = $6 WHERE run_id = $1 AND part = $2 AND object = $3 RETURNING part
), gone AS (
    INSERT INTO removed_objects (object) SELECT $3 FROM changed ON CONFLICT DO NOTHING
)
SELECT part FROM changed

-- name: removed_objects
SELECT object FROM removed_objects ORDER BY removed_at LIMIT 100

-- name: forget_object
DELETE FROM removed_objects WHERE object = $1
