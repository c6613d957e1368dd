-- Uploads of large blobs in parts. Which parts are there is known to the object store; the row goes with its end.
CREATE TABLE blob_uploads (
    id             uuid PRIMARY KEY,
    project        text NOT NULL,
    digest         bytea NOT NULL CHECK (octet_length(digest) = 32),
    size           bigint NOT NULL,
    part_size      bigint NOT NULL,
    key            text NOT NULL,
    s3_id          text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    touched_at     timestamptz NOT NULL DEFAULT now(), -- by who sends it; its grace counts from here
    -- Who reads and hashes what was assembled, how long nobody else does, and how far they are (bytes).
    prover         uuid,
    proving_until  timestamptz,
    verified       bigint NOT NULL DEFAULT 0,
    problem        text, -- found wrong; stays until somebody has been told
    UNIQUE (project, digest, size)
);
CREATE INDEX blob_uploads_by_age ON blob_uploads (touched_at);
