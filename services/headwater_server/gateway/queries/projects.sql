-- name: create_project
-- Nothing: it exists.
INSERT INTO projects (name, description, created_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING *

-- name: list_projects
SELECT * FROM projects ORDER BY name

-- name: delete_project
DELETE FROM projects WHERE name = $1

-- name: revoke_project_tokens
UPDATE tokens SET revoked_at = now() WHERE project = $1 AND revoked_at IS NULL RETURNING token_hash
