-- name: idle_blobs
-- Blobs of a project ("*": all) that nobody has needed for $4, a page after ($2, $3).
SELECT p.project, p.digest, b.size FROM project_blobs p JOIN blobs b ON b.digest = p.digest
WHERE ($1 = '*' OR p.project = $1) AND (p.project, p.digest) > ($2, $3)
    AND greatest(p.created_at, p.released_at) <= now() - $4::interval
    AND NOT EXISTS (SELECT FROM blob_refs r WHERE r.project = p.project AND r.digest = p.digest
        AND (r.until IS NULL OR r.until > now() - $4::interval))
    AND NOT EXISTS (SELECT FROM cards c WHERE c.digest = p.digest AND c.project = p.project)
    AND NOT EXISTS (SELECT FROM files f WHERE f.project = p.project AND f.digest = p.digest)
    AND NOT EXISTS (SELECT FROM dataset_files d WHERE d.project = p.project AND d.digest = p.digest)
ORDER BY p.project, p.digest LIMIT $5

-- name: lock_blobs
-- Always before the rows of projects, as a commit does: no two wait in a circle.
SELECT digest FROM blobs WHERE digest = ANY ($1::bytea[]) ORDER BY digest FOR UPDATE

-- name: lock_project_blobs
-- From here on nobody can begin to refer to them: the foreign keys wait.
SELECT p.digest FROM project_blobs p JOIN unnest($1::text[], $2::bytea[]) AS g (project, digest) USING (project, digest)
ORDER BY p.project, p.digest FOR UPDATE OF p

-- name: drop_leases
DELETE FROM blob_refs r USING unnest($1::text[], $2::bytea[]) AS g (project, digest)
WHERE r.project = g.project AND r.digest = g.digest AND r.until <= now() - $3::interval

-- name: drop_idle
-- In a statement of its own, after the locks: what was committed meanwhile is seen.
DELETE FROM project_blobs p USING unnest($1::text[], $2::bytea[]) AS g (project, digest)
WHERE p.project = g.project AND p.digest = g.digest
    AND greatest(p.created_at, p.released_at) <= now() - $3::interval
    AND NOT EXISTS (SELECT FROM blob_refs r WHERE r.project = p.project AND r.digest = p.digest)
    AND NOT EXISTS (SELECT FROM cards c WHERE c.digest = p.digest AND c.project = p.project)
    AND NOT EXISTS (SELECT FROM files f WHERE f.project = p.project AND f.digest = p.digest)
    AND NOT EXISTS (SELECT FROM dataset_files d WHERE d.project = p.project AND d.digest = p.digest)
RETURNING p.digest

-- name: drop_blobs
-- Those that no project has any more.
DELETE FROM blobs b WHERE digest = ANY ($1::bytea[])
    AND NOT EXISTS (SELECT FROM project_blobs p WHERE p.digest = b.digest)
RETURNING key, size

-- name: bury
INSERT INTO dead_objects (key, base, generation) SELECT * FROM unnest($1::text[], $2::text[], $3::int[])
ON CONFLICT (key) DO UPDATE SET removed_at = NULL, died_at = now()

-- name: idle_bytes
-- What would go from the bucket if these ($1, $2) went.
SELECT coalesce(sum(b.size), 0)::bigint FROM blobs b WHERE b.digest = ANY ($2::bytea[]) AND NOT EXISTS (
    SELECT FROM project_blobs p WHERE p.digest = b.digest AND NOT EXISTS (
        SELECT FROM unnest($1::text[], $2::bytea[]) AS g (project, digest)
        WHERE g.project = p.project AND g.digest = p.digest))

-- name: dead_to_remove
-- Those that were never removed, and those whose last late upload must have come by now.
SELECT key, removed_at IS NOT NULL AS again FROM dead_objects
WHERE removed_at IS NULL OR removed_at < now() - $1::interval ORDER BY died_at LIMIT $2

-- name: removed
UPDATE dead_objects SET removed_at = now() WHERE key = $1 AND removed_at IS NULL

-- name: forget_dead
DELETE FROM dead_objects WHERE key = $1 AND removed_at < now() - $2::interval
