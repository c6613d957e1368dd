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
SELECT m.project, m.name, m.description, m.tags, m.latest_version, m.created_at, m.updated_at,
    (SELECT coalesce(jsonb_object_agg(a.alias, a.version), '{}') FROM aliases a WHERE a.model_id = m.id) AS aliases
FROM models m
WHERE m.project = $1 AND m.name = $2

-- name: list_models
-- By name: a keyset page.
SELECT m.project, m.name, m.description, m.tags, m.latest_version, m.created_at, m.updated_at,
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
