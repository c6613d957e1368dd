-- The newest state of each card of a task: a page whose HTML is a blob.
CREATE TABLE cards (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project     text NOT NULL,
    run_id      uuid NOT NULL,
    step        text NOT NULL,
    path        text NOT NULL,
    index       integer NOT NULL,
    task_id     text NOT NULL,
    slot        text NOT NULL,
    attempt     integer NOT NULL,
    sequence    integer NOT NULL,
    card_id     text NOT NULL,
    type        text NOT NULL,
    digest      bytea NOT NULL,
    size        bigint NOT NULL,
    final       boolean NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (run_id, step, path, index, slot)
);
CREATE INDEX cards_by_digest ON cards (digest);
