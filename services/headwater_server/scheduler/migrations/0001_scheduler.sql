-- Shapes of flows, by the sha256 of their JSON: thousands of runs share one.
CREATE TABLE graphs (
    digest text PRIMARY KEY,
    graph  jsonb NOT NULL
);

CREATE TABLE runs (
    run_id        uuid PRIMARY KEY,
    project       text NOT NULL,
    flow          text NOT NULL,
    state         int2 NOT NULL DEFAULT 1, -- RunState
    request_id    text,
    graph_digest  text NOT NULL REFERENCES graphs,
    code          jsonb NOT NULL,
    parameters    jsonb NOT NULL,
    tags          text[] NOT NULL,
    priority      int4 NOT NULL,
    max_workers   int4 NOT NULL,
    created_by    jsonb NOT NULL,          -- Actor
    role          text NOT NULL,           -- what its tasks may do at most
    traceparent   text NOT NULL,
    origin_run_id uuid,
    trigger       jsonb,                   -- TriggerSource
    deployment    text,
    event_seq     int8 NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    finished_at   timestamptz,
    failure       jsonb
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX runs_by_request ON runs (project, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX runs_by_flow ON runs (project, flow, run_id DESC);
CREATE INDEX runs_by_project ON runs (project, run_id DESC);
CREATE INDEX runs_by_end_of_id ON runs (reverse(run_id::text) text_pattern_ops);
CREATE INDEX runs_by_event ON runs ((trigger ->> 'eventId')) WHERE trigger IS NOT NULL;

-- One row per task that was ever handed out or could be now. `path`, `index`: see TaskKey in common.proto.
CREATE TABLE tasks (
    run_id        uuid NOT NULL,
    step          text NOT NULL,
    path          text NOT NULL,
    index         int4 NOT NULL,
    step_no       int2 NOT NULL,           -- place of the step in the graph
    state         int2 NOT NULL,           -- TaskState
    attempt       int4 NOT NULL,           -- the fence: grows with every dispatch
    retry_count   int4 NOT NULL DEFAULT 0, -- what the user's @retry has paid for
    lost          int4 NOT NULL DEFAULT 0, -- workers that vanished with it
    pool          text NOT NULL,
    priority      int4 NOT NULL,
    widths        text NOT NULL,           -- of the open foreach steps, outermost first, joined by "."
    parent        text NOT NULL,           -- step whose result is the input; "" for the first step and joins
    announced     bool NOT NULL DEFAULT false, -- task.started of this attempt was emitted
    caught        bool NOT NULL DEFAULT false, -- only @catch is left to be carried out, for `failure`
    session_id    uuid,
    created_at    timestamptz NOT NULL DEFAULT now(),
    not_before    timestamptz NOT NULL DEFAULT now(),
    dispatched_at timestamptz,
    lease_until   timestamptz,             -- until a worker has said that it holds the task; then the session's counts
    started_at    timestamptz,
    finished_at   timestamptz,
    foreach_width int4 NOT NULL DEFAULT 0,
    result        bytea,
    failure       jsonb,
    origin_run_id uuid,
    PRIMARY KEY (run_id, step, path, index)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX tasks_ready ON tasks (pool, (-priority), run_id, not_before, index) WHERE state = 2;
CREATE INDEX tasks_dispatched ON tasks (pool) WHERE state = 3;
CREATE INDEX tasks_held ON tasks (session_id) WHERE state = 3;

-- One row per split (static) or foreach that has begun, whatever its width.
CREATE TABLE splits (
    run_id     uuid NOT NULL,
    step       text NOT NULL,              -- the step that splits, and its indexes
    path       text NOT NULL,
    index      int4 NOT NULL,
    target     text NOT NULL,              -- first step of the branches of a foreach
    width      int4 NOT NULL,
    next_index int4 NOT NULL,              -- first branch without a row in tasks
    remaining  int4 NOT NULL,              -- branches that have not arrived at the join
    widths     text NOT NULL,              -- of the branches
    pool       text NOT NULL,
    priority   int4 NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, step, path, index)
) WITH (fillfactor = 70);
CREATE INDEX splits_open ON splits (pool, (-priority), run_id, created_at) WHERE next_index < width;

-- Workers. Lost with the database's memory, never with its data: they open sessions anew.
CREATE UNLOGGED TABLE sessions (
    session_id  uuid PRIMARY KEY,
    pool        text NOT NULL,
    name        text NOT NULL,
    slots       int4 NOT NULL,
    labels      jsonb NOT NULL,
    free        int4 NOT NULL,
    opened_at   timestamptz NOT NULL DEFAULT now(),
    seen_at     timestamptz NOT NULL DEFAULT now(),
    lease_until timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX sessions_by_pool ON sessions (pool);

CREATE TABLE deployments (
    project      text NOT NULL,
    name         text NOT NULL,
    version      int4 NOT NULL,
    graph_digest text NOT NULL REFERENCES graphs,
    code         jsonb NOT NULL,
    parameters   jsonb NOT NULL,
    triggers     jsonb NOT NULL,
    tags         text[] NOT NULL,
    deployed_by  jsonb NOT NULL,
    role         text NOT NULL,
    deployed_at  timestamptz NOT NULL DEFAULT now(),
    next_at      timestamptz,              -- of its clock, where it has one
    PRIMARY KEY (project, name)
);
CREATE INDEX deployments_due ON deployments (next_at) WHERE next_at IS NOT NULL;
