-- Versions whose files lie elsewhere than in one blob, and their stage.
ALTER TABLE versions
    ADD COLUMN source       text NOT NULL DEFAULT '',
    ADD COLUMN storage_uri  text NOT NULL DEFAULT '',
    ADD COLUMN run_link     text NOT NULL DEFAULT '',
    ADD COLUMN logged_model text NOT NULL DEFAULT '',
    ADD COLUMN stage        text NOT NULL DEFAULT 'None',
    ADD COLUMN updated_at   timestamptz NOT NULL DEFAULT clock_timestamp();
UPDATE versions SET updated_at = created_at;
CREATE INDEX versions_of_run ON versions (replace(lineage->>'runId', '-', ''));

-- Models as runs log them. deleted_at: it is found only by who asks for deleted ones.
CREATE TABLE logged_models (
    id             text PRIMARY KEY,
    project        text NOT NULL,
    experiment_id  text NOT NULL,
    name           text NOT NULL,
    type           text NOT NULL,
    source_run_id  text NOT NULL,
    state          smallint NOT NULL,
    artifact_uri   text NOT NULL,
    params         jsonb NOT NULL,
    tags           jsonb NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at     timestamptz
);
CREATE INDEX logged_models_of_experiment ON logged_models (project, experiment_id, created_at);

CREATE TABLE logged_model_metrics (
    model_id        text NOT NULL REFERENCES logged_models,
    key             text NOT NULL,
    run_id          text NOT NULL,
    step            bigint NOT NULL,
    timestamp_ms    bigint NOT NULL,
    value           double precision NOT NULL,
    dataset_name    text NOT NULL,
    dataset_digest  text NOT NULL,
    PRIMARY KEY (model_id, key, run_id, step, timestamp_ms, dataset_name, dataset_digest)
);

CREATE TABLE webhooks (
    id           uuid PRIMARY KEY,
    project      text NOT NULL,
    name         text NOT NULL,
    description  text NOT NULL,
    url          text NOT NULL,
    events       text[] NOT NULL,
    secret       text NOT NULL,
    disabled     boolean NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at   timestamptz
);
CREATE INDEX webhooks_of_project ON webhooks (project, created_at) WHERE deleted_at IS NULL;

-- Written in the transaction of the change that it tells of. due_at: when it is tried next; null: it is over.
CREATE TABLE webhook_deliveries (
    id           uuid PRIMARY KEY,
    webhook_id   uuid NOT NULL REFERENCES webhooks,
    event        text NOT NULL,
    payload      text NOT NULL,
    attempts     integer NOT NULL DEFAULT 0,
    status       integer NOT NULL DEFAULT 0,
    error        text NOT NULL DEFAULT '',
    delivered    boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at       timestamptz DEFAULT clock_timestamp(),
    finished_at  timestamptz
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of_webhook ON webhook_deliveries (webhook_id, created_at);
