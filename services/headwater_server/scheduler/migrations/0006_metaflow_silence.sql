-- Whether a run has a failed task, and one that may still do something: asked with every sign of life.
CREATE INDEX mf_tasks_failed ON mf_tasks (run_number) WHERE state = 5;
CREATE INDEX mf_tasks_active ON mf_tasks (run_number) WHERE state IN (2, 3) AND step <> '_parameters';
