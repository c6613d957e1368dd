-- Models, their versions, the aliases that point at versions, and every move of an alias with its evidence.
CREATE TABLE models (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project         text NOT NULL,
    name            text NOT NULL,
    description     text NOT NULL DEFAULT '',
    tags            jsonb NOT NULL DEFAULT '{}',
    -- Versions are numbered 1, 2, 3 … without a gap: whoever holds this row's lock takes the next number.
    latest_version  integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (project, name)
) WITH (fillfactor = 80);

CREATE TABLE versions (
    model_id     bigint NOT NULL REFERENCES models,
    version      integer NOT NULL,
    digest       text NOT NULL,
    size         bigint NOT NULL,
    encoding     text NOT NULL,
    type         text NOT NULL,
    description  text NOT NULL,
    tags         jsonb NOT NULL,
    metrics      jsonb NOT NULL,
    signature    jsonb,
    lineage      jsonb,
    -- null: the caller sent none, so a repeat makes another version.
    request_id   text,
    created_by   jsonb NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (model_id, version)
);
CREATE UNIQUE INDEX versions_by_request ON versions (model_id, request_id) WHERE request_id IS NOT NULL;

CREATE TABLE aliases (
    model_id  bigint NOT NULL,
    alias     text NOT NULL,
    version   integer NOT NULL,
    PRIMARY KEY (model_id, alias),
    FOREIGN KEY (model_id, version) REFERENCES versions
);
CREATE INDEX aliases_of_version ON aliases (model_id, version);

-- Never changed. version 0: the alias was removed; previous_version 0: it was not set.
CREATE TABLE promotions (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    model_id          bigint NOT NULL REFERENCES models,
    alias             text NOT NULL,
    version           integer NOT NULL,
    previous_version  integer NOT NULL,
    reason            text NOT NULL,
    metrics           jsonb NOT NULL,
    actor             jsonb NOT NULL,
    event_id          text NOT NULL,
    request_id        text,
    at                timestamptz NOT NULL
);
CREATE INDEX promotions_of_model ON promotions (model_id, id);
CREATE INDEX promotions_of_alias ON promotions (model_id, alias, id);
CREATE UNIQUE INDEX promotions_by_request ON promotions (model_id, request_id) WHERE request_id IS NOT NULL;
