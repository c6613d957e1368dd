-- name: put_file
-- What was there is released with its name.
WITH before AS (
    SELECT project, digest FROM files WHERE project = $1 AND path = $2 AND digest <> $3
), released AS (
    UPDATE project_blobs p SET released_at = now() FROM before b WHERE p.project = b.project AND p.digest = b.digest
)
INSERT INTO files (project, path, digest, size) VALUES ($1, $2, $3, $4)
ON CONFLICT (project, path) DO UPDATE SET digest = excluded.digest, size = excluded.size, created_at = now()
RETURNING project, path, digest, size, created_at

-- name: in_the_way
-- A file where $2 needs folders ($3: its parents), or a folder where it wants to be.
SELECT path FROM files WHERE project = $1 AND path = ANY($3::text[])
UNION ALL
(SELECT path FROM files WHERE project = $1 AND path >= $2 || '/' AND path < $2 || '0' LIMIT 1)
LIMIT 1

-- name: find_file
SELECT project, path, digest, size, created_at FROM files WHERE project = $1 AND path = $2

-- name: list_files
-- The children of a folder, by name. $2: its path with a slash at the end, or nothing for the root; $3: where that would
-- end; $4: names after this one.
WITH below AS (
    SELECT substr(path, length($2) + 1) AS rest, digest, size, created_at
    FROM files
    WHERE project = $1 AND ($2 = '' OR (path >= $2 AND path < $3))
), children AS (
    SELECT split_part(rest, '/', 1) COLLATE "C" AS name, position('/' IN rest) > 0 AS folder, digest, size, created_at
    FROM below
)
SELECT name, bool_or(folder) AS folder, (array_agg(digest))[1] AS digest, max(size) AS size,
    max(created_at) AS created_at
FROM children
WHERE name > $4
GROUP BY name
ORDER BY name
LIMIT $5

-- name: delete_files
WITH gone AS (
    DELETE FROM files WHERE project = $1 AND (path = $2 OR (path >= $2 || '/' AND path < $2 || '0'))
    RETURNING project, digest
), released AS (
    UPDATE project_blobs p SET released_at = now() FROM gone g WHERE p.project = g.project AND p.digest = g.digest
)
SELECT count(*) FROM gone

-- name: insert_upload
INSERT INTO uploads (id, project, path, key, s3_id) VALUES ($1, $2, $3, $4, $5)

-- name: find_upload
SELECT * FROM uploads WHERE project = $1 AND id = $2

-- name: complete_upload
UPDATE uploads SET digest = $2 WHERE id = $1

-- name: delete_upload
DELETE FROM uploads WHERE id = $1

-- name: old_uploads
SELECT * FROM uploads WHERE created_at < now() - $1::interval ORDER BY created_at LIMIT 100
