-- name: insert_model
INSERT INTO models (project, name, description, tags) VALUES ($1, $2, $3, $4)
ON CONFLICT (project, name) DO NOTHING
RETURNING id, created_at

-- name: lock_model
-- Every write to a model, its versions and its aliases begins here: they happen one after the other.
SELECT id, project, name, description, tags, latest_version FROM models WHERE project = $1 AND name = $2 FOR UPDATE

-- name: find_model
SELECT id, project, name, latest_version FROM models WHERE project = $1 AND name = $2

-- name: get_model
SELECT m.id, m.project, m.name, m.description, m.tags, m.created_at, m.updated_at,
    (SELECT coalesce(max(v.version), 0) FROM versions v WHERE v.model_id = m.id) AS latest_version,
    (SELECT coalesce(jsonb_object_agg(a.alias, a.version), '{}') FROM aliases a WHERE a.model_id = m.id) AS aliases
FROM models m
WHERE m.project = $1 AND m.name = $2

-- name: list_models
-- By name: a keyset page.
SELECT m.id, m.project, m.name, m.description, m.tags, m.created_at, m.updated_at,
    (SELECT coalesce(max(v.version), 0) FROM versions v WHERE v.model_id = m.id) AS latest_version,
    (SELECT coalesce(jsonb_object_agg(a.alias, a.version), '{}') FROM aliases a WHERE a.model_id = m.id) AS aliases
FROM models m
WHERE m.project = $1 AND m.name > $2
ORDER BY m.name
LIMIT $3

-- name: model_names
-- For "did you mean": the newest first.
SELECT name FROM models WHERE project = $1 ORDER BY id DESC LIMIT 500

-- name: update_model
UPDATE models SET description = $2, tags = $3, updated_at = clock_timestamp() WHERE id = $1 RETURNING updated_at

-- name: touch_model
UPDATE models SET updated_at = clock_timestamp() WHERE id = $1 RETURNING updated_at

-- name: models_by_id
SELECT m.id, m.project, m.name, m.description, m.tags, m.created_at, m.updated_at,
    (SELECT coalesce(max(v.version), 0) FROM versions v WHERE v.model_id = m.id) AS latest_version,
    (SELECT coalesce(jsonb_object_agg(a.alias, a.version), '{}') FROM aliases a WHERE a.model_id = m.id) AS aliases
FROM models m
WHERE m.id = ANY($1::bigint[])

-- name: rename_model
UPDATE models SET name = $2, updated_at = clock_timestamp() WHERE id = $1 RETURNING updated_at

-- name: touch_versions
UPDATE versions SET updated_at = $2 WHERE model_id = $1

-- name: delete_aliases
DELETE FROM aliases WHERE model_id = $1

-- name: delete_promotions
DELETE FROM promotions WHERE model_id = $1

-- name: delete_versions
DELETE FROM versions WHERE model_id = $1

-- name: delete_model
DELETE FROM models WHERE id = $1
