-- Experiments, runs and what they log. Run ids are uuids outside and bigints inside; keys are interned once.
CREATE TABLE experiments (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project     text NOT NULL,
    name        text NOT NULL,
    tags        jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (project, name)
);

CREATE TABLE runs (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uuid           uuid NOT NULL UNIQUE,
    project        text NOT NULL,
    experiment_id  integer NOT NULL REFERENCES experiments,
    parent_id      bigint REFERENCES runs,
    name           text NOT NULL,
    state          smallint NOT NULL,
    started_at     timestamptz NOT NULL DEFAULT now(),
    finished_at    timestamptz,
    -- Made by its first metrics, before the fact that started it came: experiment and parameters follow.
    provisional    boolean NOT NULL DEFAULT false
);
CREATE INDEX runs_of_experiment ON runs (experiment_id, started_at DESC, id DESC);
CREATE INDEX runs_of_project ON runs (project, started_at DESC, id DESC);
CREATE INDEX runs_of_parent ON runs (parent_id) WHERE parent_id IS NOT NULL;

-- Names of params, metrics and tags.
CREATE TABLE keys (
    id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name  text NOT NULL UNIQUE
);

-- Values may be longer than a btree entry can be, so the index holds their beginning.
CREATE TABLE params (
    run_id  bigint NOT NULL,
    key_id  integer NOT NULL,
    value   text NOT NULL,
    PRIMARY KEY (run_id, key_id)
);
CREATE INDEX params_by_value ON params (key_id, left(value, 128));

CREATE TABLE tags (
    run_id  bigint NOT NULL,
    key_id  integer NOT NULL,
    value   text NOT NULL,
    PRIMARY KEY (run_id, key_id)
);
CREATE INDEX tags_by_value ON tags (key_id, left(value, 128));

-- The newest point of each series: what search and lists read.
CREATE TABLE latest_metrics (
    run_id  bigint NOT NULL,
    key_id  integer NOT NULL,
    value   double precision NOT NULL,
    step    bigint NOT NULL,
    ts      bigint NOT NULL,
    PRIMARY KEY (run_id, key_id)
) WITH (fillfactor = 80);
CREATE INDEX latest_metrics_by_value ON latest_metrics (key_id, value) INCLUDE (run_id);

-- Append-only. ts: milliseconds since the Unix epoch.
CREATE TABLE points (
    run_id  bigint NOT NULL,
    key_id  integer NOT NULL,
    step    bigint NOT NULL,
    ts      bigint NOT NULL,
    value   double precision NOT NULL
) PARTITION BY HASH (run_id);
CREATE TABLE points_0 PARTITION OF points FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE points_1 PARTITION OF points FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE points_2 PARTITION OF points FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE points_3 PARTITION OF points FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE points_4 PARTITION OF points FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE points_5 PARTITION OF points FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE points_6 PARTITION OF points FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE points_7 PARTITION OF points FOR VALUES WITH (MODULUS 8, REMAINDER 7);
CREATE INDEX points_of_series ON points (run_id, key_id, step);

-- Batches that were stored: a repeated one is dropped.
CREATE TABLE batches (
    run_id    bigint NOT NULL,
    batch_id  text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, batch_id)
);
CREATE INDEX batches_by_age ON batches USING brin (at);
