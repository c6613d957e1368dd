-- Events of a transaction, kept until the bus has acknowledged them.
CREATE TABLE outbox (
    id         text PRIMARY KEY,
    subject    text NOT NULL,
    headers    jsonb NOT NULL,
    body       bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000);
CREATE INDEX outbox_by_age ON outbox (created_at);

-- Events that a consumer has handled: a redelivery changes nothing.
CREATE TABLE inbox (
    consumer   text NOT NULL,
    event_id   text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_by_age ON inbox (at);
