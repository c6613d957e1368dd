-- name: next_version
UPDATE models SET latest_version = latest_version + 1, updated_at = clock_timestamp() WHERE id = $1
RETURNING latest_version, updated_at

-- name: insert_version
INSERT INTO versions (model_id, version, digest, size, encoding, type, description, tags, metrics, signature, lineage,
    source, storage_uri, run_link, logged_model, request_id, created_by, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)

-- name: version_of_request
SELECT version, digest FROM versions WHERE model_id = $1 AND request_id = $2

-- name: get_version
SELECT v.*, m.project, m.name,
    array(SELECT a.alias FROM aliases a WHERE a.model_id = v.model_id AND a.version = v.version ORDER BY 1) AS aliases
FROM versions v JOIN models m ON m.id = v.model_id
WHERE v.model_id = $1 AND v.version = $2

-- name: list_versions
-- Newest first: a keyset page before version $2.
SELECT v.*, m.project, m.name,
    array(SELECT a.alias FROM aliases a WHERE a.model_id = v.model_id AND a.version = v.version ORDER BY 1) AS aliases
FROM versions v JOIN models m ON m.id = v.model_id
WHERE v.model_id = $1 AND v.version < $2
ORDER BY v.version DESC
LIMIT $3

-- name: update_version
-- As MLflow has it, tags leave the time alone.
UPDATE versions SET description = $3, tags = $4,
    updated_at = CASE WHEN description = $3 THEN updated_at ELSE clock_timestamp() END
WHERE model_id = $1 AND version = $2

-- name: version_there
-- The number of a version; $2 null: of the newest.
SELECT max(version) FROM versions WHERE model_id = $1 AND ($2::int IS NULL OR version = $2)

-- name: versions_by_key
SELECT v.*, m.project, m.name,
    array(SELECT a.alias FROM aliases a WHERE a.model_id = v.model_id AND a.version = v.version ORDER BY 1) AS aliases
FROM versions v JOIN models m ON m.id = v.model_id
WHERE (v.model_id, v.version) IN (SELECT * FROM unnest($1::bigint[], $2::int[]))

-- name: newest_of_stages
SELECT DISTINCT ON (v.model_id, v.stage) v.*, m.project, m.name,
    array(SELECT a.alias FROM aliases a WHERE a.model_id = v.model_id AND a.version = v.version ORDER BY 1) AS aliases
FROM versions v JOIN models m ON m.id = v.model_id
WHERE v.model_id = ANY($1::bigint[])
ORDER BY v.model_id, v.stage, v.version DESC

-- name: aliases_of_version
SELECT alias FROM aliases WHERE model_id = $1 AND version = $2 ORDER BY alias

-- name: delete_version
DELETE FROM versions WHERE model_id = $1 AND version = $2

-- name: set_stage
UPDATE versions SET stage = $3, updated_at = clock_timestamp() WHERE model_id = $1 AND version = $2

-- name: others_of_stage
SELECT version FROM versions WHERE model_id = $1 AND version <> $2 AND stage = $3 ORDER BY version
