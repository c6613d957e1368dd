-- name: find_blob
-- Only what the project has shown to possess.
SELECT b.size, b.key, p.created_at
FROM project_blobs p JOIN blobs b ON b.digest = p.digest
WHERE p.project = $1 AND p.digest = $2

-- name: register_blob
-- The first key stays; the update that changes nothing makes the row come back either way.
WITH stored AS (
    INSERT INTO blobs (digest, size, key) VALUES ($2, $3, $4)
    ON CONFLICT (digest) DO UPDATE SET digest = excluded.digest
    RETURNING digest, size, key
), seen AS (
    INSERT INTO project_blobs (project, digest) SELECT $1, digest FROM stored
    ON CONFLICT (project, digest) DO UPDATE SET project = excluded.project
    RETURNING created_at
)
SELECT stored.size, stored.key, seen.created_at FROM stored, seen

-- name: key_in_use
SELECT EXISTS (SELECT FROM blobs WHERE digest = $1 AND key = $2)
