-- Names for blobs: one tree per project. A folder is what has files below it.
CREATE TABLE files (
    project     text NOT NULL,
    path        text COLLATE "C" NOT NULL,
    digest      bytea NOT NULL,
    size        bigint NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project, path),
    FOREIGN KEY (project, digest) REFERENCES project_blobs
);
CREATE INDEX files_by_blob ON files (project, digest);

-- Files that come in parts. digest: it is complete; the row stays a while, for who completes it once more.
CREATE TABLE uploads (
    id          uuid PRIMARY KEY,
    project     text NOT NULL,
    path        text NOT NULL,
    key         text NOT NULL,
    s3_id       text NOT NULL,
    digest      bytea,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX uploads_by_age ON uploads (created_at);
