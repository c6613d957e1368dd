-- Blobs, stored once whoever sent them. key: where the first sender's object lies in the bucket.
CREATE TABLE blobs (
    digest      bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    size        bigint NOT NULL,
    key         text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

-- Who has shown to possess a blob, and so may read it.
CREATE TABLE project_blobs (
    project     text NOT NULL,
    digest      bytea NOT NULL REFERENCES blobs,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project, digest)
);

-- What a task that succeeded made, read from its manifest. Written from events: may lag, may be rebuilt.
CREATE TABLE artifacts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id      uuid NOT NULL,
    step        text NOT NULL,
    path        text NOT NULL,
    index       integer NOT NULL,
    attempt     integer NOT NULL,
    name        text NOT NULL,
    project     text NOT NULL,
    flow        text NOT NULL,
    task_id     text NOT NULL,
    digest      bytea NOT NULL,
    size        bigint NOT NULL,
    type        text NOT NULL,
    encoding    text NOT NULL,
    created_at  timestamptz NOT NULL,
    UNIQUE (run_id, step, path, index, attempt, name)
);
CREATE INDEX artifacts_of_run ON artifacts (run_id, id);
CREATE INDEX artifacts_of_project ON artifacts (project, id);
CREATE INDEX artifacts_by_name ON artifacts (project, name, id);
CREATE INDEX artifacts_by_digest ON artifacts (digest);
