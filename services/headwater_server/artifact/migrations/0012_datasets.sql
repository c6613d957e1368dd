-- Named lists of files. last_number: of the newest version that ever was; numbers are never used again.
CREATE TABLE datasets (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project     text NOT NULL,
    name        text COLLATE "C" NOT NULL,
    description text NOT NULL DEFAULT '',
    tags        jsonb NOT NULL DEFAULT '{}',
    last_number integer NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (project, name)
);

-- Rows that never change, but for tags. sources: [{"uri", "files"}].
CREATE TABLE dataset_versions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset_id  bigint NOT NULL REFERENCES datasets ON DELETE CASCADE,
    number      integer NOT NULL,
    name        text COLLATE "C",
    files       bigint NOT NULL,
    size        bigint NOT NULL,
    digest      bytea NOT NULL,
    sources     jsonb NOT NULL,
    description text NOT NULL,
    tags        jsonb NOT NULL,
    run_id      text NOT NULL,
    step        text NOT NULL,
    task_id     text NOT NULL,
    actor       jsonb NOT NULL,
    request_id  text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (dataset_id, number),
    UNIQUE (dataset_id, name),
    UNIQUE (dataset_id, request_id)
);

-- While a row is here, its blob stays. uri, etag, object_version: an object that lies elsewhere, in place of a blob.
CREATE TABLE dataset_files (
    version_id      bigint NOT NULL REFERENCES dataset_versions ON DELETE CASCADE,
    path            text COLLATE "C" NOT NULL,
    project         text NOT NULL,
    datum           uuid NOT NULL,
    digest          bytea,
    size            bigint NOT NULL,
    uri             text,
    etag            text,
    object_version  text,
    properties      jsonb,
    PRIMARY KEY (version_id, path),
    FOREIGN KEY (project, digest) REFERENCES project_blobs,
    CHECK ((digest IS NULL) = (uri IS NOT NULL))
);
CREATE INDEX dataset_files_by_blob ON dataset_files (project, digest) WHERE digest IS NOT NULL;
CREATE INDEX dataset_files_by_datum ON dataset_files (project, datum);

CREATE TABLE dataset_aliases (
    dataset_id  bigint NOT NULL REFERENCES datasets ON DELETE CASCADE,
    alias       text COLLATE "C" NOT NULL,
    number      integer NOT NULL,
    PRIMARY KEY (dataset_id, alias),
    FOREIGN KEY (dataset_id, number) REFERENCES dataset_versions (dataset_id, number)
);

-- Every move of an alias. number 0: it was removed; previous 0: it was not set.
CREATE TABLE dataset_alias_moves (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset_id  bigint NOT NULL REFERENCES datasets ON DELETE CASCADE,
    alias       text COLLATE "C" NOT NULL,
    number      integer NOT NULL,
    previous    integer NOT NULL,
    reason      text NOT NULL,
    actor       jsonb NOT NULL,
    request_id  text,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (dataset_id, request_id)
);

-- Names for single files. One whose file is in no version any more points at nothing, until it is set again.
CREATE TABLE datum_aliases (
    project     text NOT NULL,
    alias       text COLLATE "C" NOT NULL,
    datum       uuid NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project, alias)
);
