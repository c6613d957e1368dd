-- Nothing of a paused run is handed out; one that is not over by its deadline is cancelled.
ALTER TABLE runs ADD COLUMN paused_at timestamptz, ADD COLUMN deadline timestamptz;
CREATE INDEX runs_by_deadline ON runs (deadline) WHERE state = 1 AND deadline IS NOT NULL;

-- Attempts in a row that were handed out, and that no worker has begun; the concurrency limits that the task counts for.
ALTER TABLE tasks ADD COLUMN unclaimed int4 NOT NULL DEFAULT 0, ADD COLUMN limits text[];
CREATE INDEX tasks_limited ON tasks USING gin (limits) WHERE state = 3 AND limits IS NOT NULL;

-- How many tasks of a project that name a key may run at the same time.
CREATE TABLE limits (
    project text NOT NULL,
    key     text NOT NULL,
    most    int4 NOT NULL,
    PRIMARY KEY (project, key)
);

-- A paused deployment starts nothing.
ALTER TABLE deployments ADD COLUMN paused_at timestamptz;
