-- name: empty_promotions
DELETE FROM promotions WHERE model_id IN (SELECT id FROM models WHERE project = $1)

-- name: empty_aliases
DELETE FROM aliases WHERE model_id IN (SELECT id FROM models WHERE project = $1)

-- name: empty_versions
DELETE FROM versions WHERE model_id IN (SELECT id FROM models WHERE project = $1)

-- name: empty_models
DELETE FROM models WHERE project = $1

-- name: empty_model_metrics
DELETE FROM logged_model_metrics WHERE model_id IN (SELECT id FROM logged_models WHERE project = $1)

-- name: empty_logged_models
DELETE FROM logged_models WHERE project = $1

-- name: empty_deliveries
DELETE FROM webhook_deliveries WHERE webhook_id IN (SELECT id FROM webhooks WHERE project = $1)

-- name: empty_webhooks
DELETE FROM webhooks WHERE project = $1

-- name: projects
SELECT project FROM models GROUP BY project UNION SELECT project FROM logged_models UNION SELECT project FROM webhooks
