-- name: find_alias
SELECT version FROM aliases WHERE model_id = $1 AND alias = $2

-- name: all_aliases
SELECT alias, version FROM aliases WHERE model_id = $1 ORDER BY alias

-- name: point_alias
INSERT INTO aliases (model_id, alias, version) VALUES ($1, $2, $3)
ON CONFLICT (model_id, alias) DO UPDATE SET version = excluded.version

-- name: delete_alias
DELETE FROM aliases WHERE model_id = $1 AND alias = $2

-- name: insert_promotion
INSERT INTO promotions (model_id, alias, version, previous_version, reason, metrics, actor, event_id, request_id, at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: promotion_of_request
SELECT p.*, m.project, m.name FROM promotions p JOIN models m ON m.id = p.model_id
WHERE p.model_id = $1 AND p.request_id = $2

-- name: standing_promotion
-- The move that made an alias point where it does.
SELECT p.*, m.project, m.name FROM promotions p JOIN models m ON m.id = p.model_id
WHERE p.model_id = $1 AND p.alias = $2
ORDER BY p.id DESC
LIMIT 1

-- name: list_promotions
-- Newest first: a keyset page before $3. $2: of one alias, or null.
SELECT p.*, m.project, m.name FROM promotions p JOIN models m ON m.id = p.model_id
WHERE p.model_id = $1 AND ($2::text IS NULL OR p.alias = $2) AND p.id < $3
ORDER BY p.id DESC
LIMIT $4
