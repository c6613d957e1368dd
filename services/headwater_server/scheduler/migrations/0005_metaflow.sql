-- Runs that a Metaflow client executes: a row in `runs` like any other, and what the client says of them.
ALTER TABLE runs ADD COLUMN engine text NOT NULL DEFAULT ''; -- '': ours; 'metaflow'
INSERT INTO graphs (digest, graph) VALUES
    ('metaflow', '{"steps": [{"name": "start", "transition": "TRANSITION_END"}], "start": "start", "end": "start"}');

CREATE TABLE mf_flows (
    project     text NOT NULL,
    flow        text NOT NULL,
    user_name   text,
    ts_epoch    int8 NOT NULL,             -- milliseconds, by the client's clock, as in all these tables
    tags        text[] NOT NULL,
    system_tags text[] NOT NULL,
    PRIMARY KEY (project, flow)
);

CREATE TABLE mf_runs (
    run_number  int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id      uuid NOT NULL UNIQUE REFERENCES runs ON DELETE CASCADE, -- its tags, state and times are there
    project     text NOT NULL,
    flow        text NOT NULL,
    name        text,                      -- the id, where the client brought one
    user_name   text,
    ts_epoch    int8 NOT NULL,
    system_tags text[] NOT NULL,
    end_step    text NOT NULL DEFAULT 'end',
    beat_at     timestamptz,               -- last heartbeat of the run itself
    lease_until timestamptz                -- silence beyond it means that the client is gone; NULL: the run is over
);
CREATE UNIQUE INDEX mf_runs_by_name ON mf_runs (project, flow, name) WHERE name IS NOT NULL;
CREATE INDEX mf_runs_by_flow ON mf_runs (project, flow, run_number DESC);
CREATE INDEX mf_runs_live ON mf_runs (lease_until) WHERE lease_until IS NOT NULL;

CREATE TABLE mf_steps (
    run_number int8 NOT NULL REFERENCES mf_runs ON DELETE CASCADE,
    step       text NOT NULL,
    user_name  text,
    ts_epoch   int8 NOT NULL,
    number     int4 GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (run_number, step)
);

CREATE TABLE mf_tasks (
    task_id       int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_number    int8 NOT NULL REFERENCES mf_runs ON DELETE CASCADE,
    step          text NOT NULL,
    name          text,                    -- the id, where the client brought one
    user_name     text,
    ts_epoch      int8 NOT NULL,
    state         int2 NOT NULL DEFAULT 2, -- TaskState
    attempt       int4 NOT NULL DEFAULT 0, -- the client's number, from 0
    ok_attempt    int4,                    -- the attempt that says that it was ok; done when its artifacts are known
    created_at    timestamptz NOT NULL DEFAULT now(),
    started_at    timestamptz,
    finished_at   timestamptz,
    failure       jsonb,
    beat_at       timestamptz,
    origin_run_id uuid                     -- cloned from a task of this run
);
CREATE INDEX mf_tasks_by_step ON mf_tasks (run_number, step, task_id);
CREATE UNIQUE INDEX mf_tasks_by_name ON mf_tasks (run_number, step, name) WHERE name IS NOT NULL;

CREATE TABLE mf_metadata (
    id         int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id    int4 NOT NULL REFERENCES mf_tasks ON DELETE CASCADE,
    field_name text NOT NULL,
    value      text NOT NULL,
    type       text NOT NULL,
    user_name  text,
    ts_epoch   int8 NOT NULL,
    tags       text[] NOT NULL
);
CREATE INDEX mf_metadata_by_task ON mf_metadata (task_id, id);

CREATE TABLE mf_artifacts (
    task_id      int4 NOT NULL REFERENCES mf_tasks ON DELETE CASCADE,
    attempt      int4 NOT NULL,
    name         text NOT NULL,
    sha          text NOT NULL,
    type         text NOT NULL,
    content_type text NOT NULL,
    ds_type      text NOT NULL,
    location     text NOT NULL,
    user_name    text,
    ts_epoch     int8 NOT NULL,
    PRIMARY KEY (task_id, attempt, name)
);

-- The rows as the client reads them. Below a run, tags are those that the run has now.
CREATE VIEW mf_run_rows AS
SELECT m.project, m.flow, m.run_number, m.name, coalesce(to_jsonb(m.name), to_jsonb(m.run_number)) AS exposed,
    to_jsonb(r.tags) AS tags, to_jsonb(m.system_tags) AS system_tags, m.user_name, m.ts_epoch,
    extract(epoch FROM m.beat_at)::int8 AS last_heartbeat_ts
FROM mf_runs m JOIN runs r USING (run_id);

CREATE VIEW mf_task_rows AS
SELECT r.project, r.flow, r.run_number, r.exposed AS run, r.tags, r.system_tags, t.step, t.task_id,
    coalesce(to_jsonb(t.name), to_jsonb(t.task_id)) AS exposed, t.user_name, t.ts_epoch,
    extract(epoch FROM t.beat_at)::int8 AS last_heartbeat_ts
FROM mf_tasks t JOIN mf_run_rows r USING (run_number);
