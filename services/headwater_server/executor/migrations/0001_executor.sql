-- Runs whose logs are to be, or have been, moved from the stream into objects. A run without logs leaves no row.
CREATE TABLE archives (
    run_id     uuid PRIMARY KEY,
    project    text NOT NULL,
    -- Everything up to this sequence of the stream is in the parts.
    last_seq   bigint NOT NULL DEFAULT 0,
    parts      integer NOT NULL DEFAULT 0,
    -- How often the stream was looked at, and when the next time is; null: never again.
    checks     integer NOT NULL DEFAULT 0,
    due_at     timestamptz
);
CREATE INDEX archives_due ON archives (due_at) WHERE due_at IS NOT NULL;

-- One object each: usually one per run, further ones for chunks that came late. Never changed once written.
CREATE TABLE parts (
    run_id      uuid NOT NULL REFERENCES archives,
    part        integer NOT NULL,
    object      text NOT NULL,
    size        bigint NOT NULL,
    chunks      bigint NOT NULL,
    last_seq    bigint NOT NULL,
    -- Compressed: which blocks of the object hold which tasks.
    index       bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, part)
);
