-- name: insert_webhook
INSERT INTO webhooks (id, project, name, description, url, events, secret, disabled)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
RETURNING *

-- name: find_webhook
SELECT * FROM webhooks WHERE project = $1 AND id = $2 AND deleted_at IS NULL

-- name: list_webhooks
-- Newest first: a keyset page before ($2, $3).
SELECT * FROM webhooks
WHERE project = $1 AND deleted_at IS NULL AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
ORDER BY created_at DESC, id DESC
LIMIT $4

-- name: update_webhook
UPDATE webhooks SET
    name = coalesce($3, name), description = coalesce($4, description), url = coalesce($5, url),
    events = coalesce($6, events), secret = coalesce($7, secret), disabled = coalesce($8, disabled),
    updated_at = clock_timestamp()
WHERE project = $1 AND id = $2 AND deleted_at IS NULL
RETURNING *

-- name: plain_secrets
SELECT id, secret FROM webhooks WHERE secret <> '' AND secret NOT LIKE $1

-- name: seal_secret
UPDATE webhooks SET secret = $3 WHERE id = $1 AND secret = $2

-- name: delete_webhook
UPDATE webhooks SET deleted_at = clock_timestamp(), updated_at = clock_timestamp(), secret = ''
WHERE project = $1 AND id = $2 AND deleted_at IS NULL

-- name: give_up_deliveries
-- What was not delivered yet never is. A statement of its own, which sees what was queued before the lock was had.
UPDATE webhook_deliveries d SET due_at = NULL, finished_at = clock_timestamp(), error = 'the webhook was deleted'
FROM webhooks w
WHERE w.id = d.webhook_id AND w.deleted_at IS NOT NULL AND d.due_at IS NOT NULL AND ($1::uuid IS NULL OR w.id = $1)

-- name: queue_deliveries
-- Locked: who deletes a webhook meanwhile finds its deliveries, or it gets none.
INSERT INTO webhook_deliveries (id, webhook_id, event, payload)
SELECT gen_random_uuid(), id, $2, $3 FROM (
    SELECT id FROM webhooks WHERE project = $1 AND deleted_at IS NULL AND NOT disabled AND $2 = ANY (events) FOR SHARE
) w

-- name: claim_deliveries
-- They are ours for the next minute: who dies with them leaves them to another.
UPDATE webhook_deliveries d SET due_at = clock_timestamp() + interval '1 minute', attempts = d.attempts + 1
FROM webhooks w
WHERE w.id = d.webhook_id AND d.id IN (
    SELECT o.id FROM webhook_deliveries o JOIN webhooks h ON h.id = o.webhook_id AND h.deleted_at IS NULL
    WHERE o.due_at <= clock_timestamp() ORDER BY o.due_at LIMIT $1 FOR UPDATE OF o SKIP LOCKED
)
RETURNING d.id, d.event, d.payload, d.attempts, w.url, w.secret,
    extract(epoch FROM clock_timestamp() - d.created_at)::float8 AS age

-- name: settle_delivery
-- $5: seconds until the next attempt; null: it is over. Not where the webhook was deleted meanwhile.
UPDATE webhook_deliveries SET status = $2, error = $3, delivered = $4,
    due_at = clock_timestamp() + make_interval(secs => $5::float8),
    finished_at = CASE WHEN $5::float8 IS NULL THEN clock_timestamp() END
WHERE id = $1 AND due_at IS NOT NULL

-- name: forget_deliveries
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT id FROM webhook_deliveries WHERE due_at IS NULL AND finished_at < now() - interval '30 days' LIMIT 5000
)

-- name: list_deliveries
SELECT d.* FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
WHERE w.project = $1 AND d.webhook_id = $2
    AND ($3::timestamptz IS NULL OR (d.created_at, d.id) < ($3, $4::uuid))
ORDER BY d.created_at DESC, d.id DESC
LIMIT $5
