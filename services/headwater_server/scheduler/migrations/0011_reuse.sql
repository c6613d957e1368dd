-- How a run takes results over from earlier ones (reuse.py); NULL: it does not.
ALTER TABLE runs ADD COLUMN reuse jsonb;
CREATE INDEX runs_reusing ON runs (run_id) WHERE state = 1 AND reuse IS NOT NULL;
-- Tasks for which an earlier result is looked for.
CREATE INDEX tasks_looked_up ON tasks (run_id, step_no, path, index) WHERE state = 1;
