-- name: next_version
UPDATE models SET latest_version = latest_version + 1, updated_at = clock_timestamp() WHERE id = $1
RETURNING latest_version, updated_at

-- name: insert_version
INSERT INTO versions (model_id, version, digest, size, encoding, type, description, tags, metrics, signature, lineage,
    request_id, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)

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
UPDATE versions SET description = $3, tags = $4 WHERE model_id = $1 AND version = $2
