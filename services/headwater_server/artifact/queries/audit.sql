-- name: blobs_between
-- Those beyond the digest $1, up to $2 (null: all that follow), and the projects that have them.
SELECT b.digest, b.size, b.key, b.missing_since, ARRAY(
    SELECT p.project FROM project_blobs p WHERE p.digest = b.digest ORDER BY p.project LIMIT 20) AS projects
FROM blobs b WHERE b.digest > $1 AND ($2::bytea IS NULL OR b.digest <= $2) ORDER BY b.digest LIMIT $3

-- name: dead_among
SELECT key FROM dead_objects WHERE key = ANY ($1::text[])

-- name: mark_missing
-- Unless it has been uploaded again meanwhile.
UPDATE blobs SET missing_since = coalesce(missing_since, now()) WHERE digest = $1 AND key = $2

-- name: point_elsewhere
-- The bytes were found at another key.
UPDATE blobs SET key = $3, size = $4, missing_since = NULL WHERE digest = $1 AND key = $2

-- name: found_again
UPDATE blobs SET missing_since = NULL WHERE digest = $1 AND key = $2

-- name: reserve_blob
-- Keeps others from registering this digest until the end of the transaction.
INSERT INTO blobs (digest, size, key) VALUES ($1, 0, '') ON CONFLICT DO NOTHING

-- name: lock_key
SELECT key FROM blobs WHERE digest = $1 FOR UPDATE

-- name: unreserve_blob
DELETE FROM blobs WHERE digest = $1 AND key = ''
