-- name: delete_archive
-- The row stays as a sign; the lock on it keeps an archiver from adding a part.
INSERT INTO archives (run_id, project, deleted_at, purge_at) VALUES ($1, $2, now(), now())
ON CONFLICT (run_id) DO UPDATE SET deleted_at = now(), purge_at = now(), due_at = NULL

-- name: delete_parts
WITH gone AS (DELETE FROM parts WHERE run_id = $1 RETURNING object)
INSERT INTO removed_objects (object) SELECT object FROM gone ON CONFLICT DO NOTHING

-- name: to_purge
SELECT run_id, project, deleted_at FROM archives WHERE purge_at <= now() ORDER BY purge_at LIMIT 100

-- name: purged
-- Once more a while later, for what a worker sent late; then never again.
UPDATE archives SET purge_at = CASE WHEN purge_at < deleted_at + interval '10 minutes' THEN deleted_at + interval '15 minutes' END
WHERE run_id = $1 AND purge_at IS NOT NULL
