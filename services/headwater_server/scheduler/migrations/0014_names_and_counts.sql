-- What workers were called: a session goes with its worker, the name of who did a task stays.
CREATE TABLE worker_names (
    session_id  uuid PRIMARY KEY,
    name        text NOT NULL,
    opened_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX worker_names_by_age ON worker_names (opened_at);
INSERT INTO worker_names (session_id, name) SELECT session_id, name FROM sessions;

-- State → tasks of a run that is over: counted once. Null: not counted yet.
ALTER TABLE runs ADD COLUMN task_counts jsonb;
