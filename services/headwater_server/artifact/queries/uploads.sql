-- name: begin_blob_upload
INSERT INTO blob_uploads (id, project, digest, size, part_size, key, s3_id) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (project, digest, size) DO NOTHING

-- name: open_blob_upload
UPDATE blob_uploads SET touched_at = now() WHERE project = $1 AND digest = $2 AND size = $3 RETURNING *

-- name: find_blob_upload
UPDATE blob_uploads SET touched_at = now() WHERE project = $1 AND digest = $2 AND id = $3 RETURNING *

-- name: claim_proof
-- By one process at a time: $2, for $3 from now on.
UPDATE blob_uploads SET prover = $2, proving_until = now() + $3::interval, verified = $4, touched_at = now()
WHERE id = $1 AND (prover = $2 OR proving_until IS NULL OR proving_until < now())
RETURNING 1

-- name: leave_proof
UPDATE blob_uploads SET prover = NULL, proving_until = NULL, verified = 0 WHERE id = $1 AND prover = $2

-- name: note_problem
UPDATE blob_uploads SET problem = $2 WHERE id = $1

-- name: end_blob_upload
DELETE FROM blob_uploads WHERE id = $1

-- name: old_blob_uploads
SELECT * FROM blob_uploads
WHERE touched_at <= now() - $1::interval AND (proving_until IS NULL OR proving_until < now())
ORDER BY touched_at LIMIT 100

-- name: blob_uploads_of
SELECT * FROM blob_uploads WHERE project = $1 ORDER BY created_at LIMIT 100

-- name: all_uploads
-- What is begun in the object store and known here, of both kinds.
SELECT s3_id, key, project, touched_at FROM blob_uploads
UNION ALL
SELECT s3_id, key, project, created_at FROM uploads WHERE digest IS NULL
