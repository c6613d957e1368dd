-- name: make_dataset
INSERT INTO datasets (project, name) VALUES ($1, $2) ON CONFLICT (project, name) DO NOTHING

-- name: lock_dataset
-- Every write to a dataset begins here: they happen one after the other.
SELECT * FROM datasets WHERE project = $1 AND name = $2 FOR UPDATE

-- name: find_dataset
SELECT * FROM datasets WHERE project = $1 AND name = $2

-- name: dataset_names
SELECT name FROM datasets WHERE project = $1 ORDER BY id DESC LIMIT 500

-- name: list_datasets
-- By name: a keyset page; $2 and $3: only the one of that name, or those after it.
SELECT d.*,
    (SELECT coalesce(max(v.number), 0) FROM dataset_versions v WHERE v.dataset_id = d.id) AS latest,
    (SELECT coalesce(jsonb_object_agg(a.alias, a.number), '{}') FROM dataset_aliases a WHERE a.dataset_id = d.id)
        AS aliases
FROM datasets d
WHERE d.project = $1 AND ($2::text IS NULL OR d.name = $2) AND d.name > $3
ORDER BY d.name
LIMIT $4

-- name: update_dataset
UPDATE datasets SET description = $2, tags = $3, updated_at = clock_timestamp() WHERE id = $1

-- name: touch_dataset
UPDATE datasets SET updated_at = clock_timestamp() WHERE id = $1 RETURNING updated_at

-- name: next_number
UPDATE datasets SET last_number = last_number + 1, updated_at = clock_timestamp() WHERE id = $1 RETURNING last_number

-- name: delete_dataset
DELETE FROM datasets WHERE id = $1

-- name: insert_version
INSERT INTO dataset_versions (dataset_id, number, name, files, size, digest, sources, description, tags, run_id, step,
    task_id, actor, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
RETURNING id, created_at

-- name: insert_dataset_files
INSERT INTO dataset_files (version_id, project, path, datum, digest, size, uri, etag, object_version, properties)
SELECT $1, $2, * FROM unnest($3::text[], $4::uuid[], $5::bytea[], $6::bigint[], $7::text[], $8::text[], $9::text[],
    $10::jsonb[])

-- name: version_of_request
SELECT number FROM dataset_versions WHERE dataset_id = $1 AND request_id = $2

-- name: number_of_alias
SELECT number FROM dataset_aliases WHERE dataset_id = $1 AND alias = $2

-- name: number_of_name
SELECT number FROM dataset_versions WHERE dataset_id = $1 AND name = $2

-- name: latest_number
SELECT max(number) FROM dataset_versions WHERE dataset_id = $1

-- name: list_dataset_versions
-- The newest first: a keyset page before $2; $3: only that one.
SELECT v.*, ARRAY(
    SELECT a.alias FROM dataset_aliases a WHERE a.dataset_id = v.dataset_id AND a.number = v.number ORDER BY a.alias
) AS aliases
FROM dataset_versions v
WHERE v.dataset_id = $1 AND v.number < $2 AND ($3::int IS NULL OR v.number = $3)
ORDER BY v.number DESC
LIMIT $4

-- name: known_versions
-- For "there is …": numbers, names and aliases.
(SELECT number::text AS word FROM dataset_versions WHERE dataset_id = $1 ORDER BY number DESC LIMIT 50)
UNION ALL (SELECT name FROM dataset_versions WHERE dataset_id = $1 AND name IS NOT NULL ORDER BY number DESC LIMIT 50)
UNION ALL (SELECT alias FROM dataset_aliases WHERE dataset_id = $1 ORDER BY alias LIMIT 50)

-- name: tag_version
UPDATE dataset_versions SET tags = $3 WHERE dataset_id = $1 AND number = $2

-- name: delete_dataset_version
-- $2: null: all versions. Their blobs are released with them.
WITH gone AS (
    DELETE FROM dataset_files f USING dataset_versions v
    WHERE v.id = f.version_id AND v.dataset_id = $1 AND ($2::int IS NULL OR v.number = $2)
    RETURNING f.project, f.digest
), released AS (
    UPDATE project_blobs p SET released_at = now() FROM gone g WHERE p.project = g.project AND p.digest = g.digest
)
DELETE FROM dataset_versions WHERE dataset_id = $1 AND ($2::int IS NULL OR number = $2)

-- name: dataset_files
-- A keyset page after $3. $2: null for all, else this file or what is in this folder.
SELECT f.path, f.datum, f.digest, f.size, f.uri, f.etag, f.object_version, f.properties, b.key
FROM dataset_files f LEFT JOIN blobs b ON b.digest = f.digest AND b.missing_since IS NULL
WHERE f.version_id = $1 AND f.path > $3
    AND ($2::text IS NULL OR f.path = $2 OR (f.path >= $2 || '/' AND f.path < $2 || '0'))
ORDER BY f.path
LIMIT $4

-- name: find_datum
-- In the newest version that has it.
SELECT f.path, f.datum, f.digest, f.size, f.uri, f.etag, f.object_version, f.properties, b.key, d.name, v.number
FROM dataset_files f
JOIN dataset_versions v ON v.id = f.version_id
JOIN datasets d ON d.id = v.dataset_id
LEFT JOIN blobs b ON b.digest = f.digest AND b.missing_since IS NULL
WHERE f.project = $1 AND f.datum = $2
ORDER BY f.version_id DESC
LIMIT 1

-- name: sizes_of_blobs
-- Locked in the order in which the collector locks: no two wait in a circle.
SELECT p.digest, b.size FROM project_blobs p JOIN blobs b ON b.digest = p.digest
WHERE p.project = $1 AND p.digest = ANY ($2::bytea[]) AND b.missing_since IS NULL
ORDER BY p.digest
FOR KEY SHARE OF p

-- name: point_dataset_alias
INSERT INTO dataset_aliases (dataset_id, alias, number) VALUES ($1, $2, $3)
ON CONFLICT (dataset_id, alias) DO UPDATE SET number = excluded.number

-- name: drop_dataset_alias
DELETE FROM dataset_aliases WHERE dataset_id = $1 AND alias = $2

-- name: aliases_of_dataset_version
SELECT alias FROM dataset_aliases WHERE dataset_id = $1 AND number = $2 ORDER BY alias

-- name: insert_dataset_move
INSERT INTO dataset_alias_moves (dataset_id, alias, number, previous, reason, actor, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING *

-- name: dataset_move_of_request
SELECT * FROM dataset_alias_moves WHERE dataset_id = $1 AND request_id = $2

-- name: dataset_moves
-- The newest first: a keyset page before $3. $2: of one alias, or null.
SELECT * FROM dataset_alias_moves
WHERE dataset_id = $1 AND ($2::text IS NULL OR alias = $2) AND id < $3
ORDER BY id DESC
LIMIT $4

-- name: datum_of_alias
SELECT datum FROM datum_aliases WHERE project = $1 AND alias = $2

-- name: lock_datum_alias
SELECT datum FROM datum_aliases WHERE project = $1 AND alias = $2 FOR UPDATE

-- name: datum_alias_names
SELECT alias FROM datum_aliases WHERE project = $1 ORDER BY updated_at DESC LIMIT 500

-- name: point_datum_alias
INSERT INTO datum_aliases (project, alias, datum) VALUES ($1, $2, $3)
ON CONFLICT (project, alias) DO UPDATE SET datum = excluded.datum, updated_at = clock_timestamp()

-- name: drop_datum_alias
DELETE FROM datum_aliases WHERE project = $1 AND alias = $2 RETURNING datum
