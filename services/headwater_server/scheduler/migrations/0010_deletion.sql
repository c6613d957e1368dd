-- Runs that are gone: a repeated request to delete one is answered as the first was.
CREATE TABLE deleted_runs (
    run_id      uuid PRIMARY KEY,
    project     text NOT NULL,
    flow        text NOT NULL,
    deleted_at  timestamptz NOT NULL DEFAULT now()
);
-- Which runs have taken tasks over from a run.
CREATE INDEX tasks_taken_over ON tasks (origin_run_id) WHERE origin_run_id IS NOT NULL;

-- Which runs a project does not keep.
CREATE TABLE retention (
    project    text PRIMARY KEY,
    keep_for   interval NOT NULL,
    keep_last  int4 NOT NULL, -- the newest of each flow stay, however old
    set_at     timestamptz NOT NULL DEFAULT now(),
    set_by     jsonb NOT NULL
);
CREATE INDEX runs_by_end ON runs (project, finished_at) WHERE state <> 1;

-- Model versions and the runs that made them, which are kept. From events of the registry.
CREATE TABLE made_versions (
    project  text NOT NULL,
    model    text NOT NULL,
    version  int4 NOT NULL,
    run_id   uuid NOT NULL,
    PRIMARY KEY (project, model, version)
);
CREATE INDEX made_versions_by_run ON made_versions (run_id);
