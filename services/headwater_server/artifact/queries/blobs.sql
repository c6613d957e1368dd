-- name: find_blob
-- Only what the project has shown to possess, and what is not lost.
SELECT b.size, b.key, p.created_at
FROM project_blobs p JOIN blobs b ON b.digest = p.digest
WHERE p.project = $1 AND p.digest = $2 AND b.missing_since IS NULL

-- name: is_held
-- By a run, or by a lease that lasts for another half of its time.
SELECT EXISTS (SELECT FROM blob_refs
    WHERE project = $1 AND digest = $2 AND holder = $3 AND (until IS NULL OR until > now() + $4::interval / 2))

-- name: hold
-- $4: how long; null: until it is released. What comes for a deleted run is a lease of $6.
INSERT INTO blob_refs (project, digest, holder, until)
SELECT p.project, p.digest, CASE WHEN d.run_id IS NULL THEN $3 ELSE 'lease' END,
    now() + CASE WHEN d.run_id IS NULL THEN $4::interval ELSE $6 END
FROM project_blobs p LEFT JOIN deleted_runs d ON d.run_id = $5
WHERE p.project = $1 AND p.digest = $2
ON CONFLICT (project, digest, holder) DO UPDATE SET until = greatest(blob_refs.until, excluded.until)
RETURNING 1

-- name: generation
-- Of the key that an upload goes to: beyond those that rest.
SELECT coalesce(max(generation) + 1, 0) FROM dead_objects WHERE base = $1

-- name: register_blob
-- The first key stays unless its object is lost; the update that changes nothing makes the row come back either way.
WITH stored AS (
    INSERT INTO blobs (digest, size, key) VALUES ($2, $3, $4)
    ON CONFLICT (digest) DO UPDATE SET missing_since = NULL,
        size = CASE WHEN blobs.missing_since IS NULL THEN blobs.size ELSE excluded.size END,
        key = CASE WHEN blobs.missing_since IS NULL THEN blobs.key ELSE excluded.key END
    RETURNING digest, size, key
), seen AS (
    INSERT INTO project_blobs (project, digest) SELECT $1, digest FROM stored
    ON CONFLICT (project, digest) DO UPDATE SET project = excluded.project
    RETURNING created_at
)
SELECT stored.size, stored.key, seen.created_at FROM stored, seen

-- name: is_dead
SELECT EXISTS (SELECT FROM dead_objects WHERE key = $1)

-- name: key_in_use
SELECT EXISTS (SELECT FROM blobs WHERE digest = $1 AND key = $2)
