-- name: insert_token
INSERT INTO tokens (token_id, token_hash, name, project, role, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + $6::interval)
RETURNING *;

-- name: insert_bootstrap
-- Known already: left as it is, for it may have been revoked.
INSERT INTO tokens (token_id, token_hash, name, project, role, bootstrap)
VALUES ($1, $2, 'admin', '*', 'admin', true)
ON CONFLICT (token_hash) DO NOTHING;

-- name: forget_bootstraps
-- A token that the configuration no longer names is worth nothing.
DELETE FROM tokens WHERE bootstrap AND token_hash <> $1;

-- name: list_tokens
-- $1: only of this project, "*" for all; $2: id of the last one seen, "" for the first page.
SELECT * FROM tokens
WHERE ($1 = '*' OR project = $1) AND ($2 = '' OR token_id < $2)
ORDER BY token_id DESC
LIMIT $3;

-- name: revoke_token
UPDATE tokens SET revoked_at = coalesce(revoked_at, now())
WHERE token_id = $1 AND ($2 = '*' OR project = $2)
RETURNING token_hash;

-- name: find_token
SELECT *, (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())) AS active
FROM tokens WHERE token_hash = $1;

-- name: touch_tokens
UPDATE tokens SET last_used_at = now() WHERE token_id = ANY($1::text[]);

-- name: alive
SELECT 1;
