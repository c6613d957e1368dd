-- Access tokens of people and programs. Only the hash of a token is kept; ids sort by creation time.
CREATE TABLE tokens (
    token_id      text PRIMARY KEY,
    token_hash    text NOT NULL UNIQUE,
    name          text NOT NULL,
    project       text NOT NULL,
    role          text NOT NULL,
    -- Made known by the deployment's configuration, not by a request.
    bootstrap     boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz,
    last_used_at  timestamptz,
    revoked_at    timestamptz
);
