-- Who needs a blob of a project. The row is there before "it is here" is answered; while it is, the blob stays.
CREATE TABLE blob_refs (
    project  text NOT NULL,
    digest   bytea NOT NULL,
    -- run:<id>, version:<number>:<model>, deployment:<name>, or "lease": somebody has asked and is about to refer to it.
    holder   text NOT NULL,
    until    timestamptz, -- the end of a lease
    at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project, digest, holder),
    FOREIGN KEY (project, digest) REFERENCES project_blobs
);
CREATE INDEX blob_refs_by_holder ON blob_refs (project, holder);
-- What was stored before references were kept stays.
INSERT INTO blob_refs (project, digest, holder) SELECT project, digest, 'before' FROM project_blobs;
ALTER TABLE cards ADD FOREIGN KEY (project, digest) REFERENCES project_blobs;

-- When the last of its holders went; the grace of the collector counts from here.
ALTER TABLE project_blobs ADD COLUMN released_at timestamptz;
-- The audit found no bytes, or wrong ones: the blob is not given out, and the next upload replaces it.
ALTER TABLE blobs ADD COLUMN missing_since timestamptz;

-- Objects that are nobody's any more. While a key is here it is neither given out nor accepted: deletes may be on their way.
CREATE TABLE dead_objects (
    key         text PRIMARY KEY,
    base        text NOT NULL,
    generation  integer NOT NULL,
    died_at     timestamptz NOT NULL DEFAULT now(),
    removed_at  timestamptz
);
CREATE INDEX dead_objects_by_base ON dead_objects (base);

-- What comes late for one of these counts for nothing.
CREATE TABLE deleted_runs (
    run_id      uuid PRIMARY KEY,
    deleted_at  timestamptz NOT NULL DEFAULT now()
);
