-- Objects of the bucket that no part names any more and that must go: what was scrubbed from them is secret.
CREATE TABLE removed_objects (
    object     text PRIMARY KEY,
    removed_at timestamptz NOT NULL DEFAULT now()
);
