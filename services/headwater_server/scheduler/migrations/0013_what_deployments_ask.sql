-- What each run of a deployment is started with.
ALTER TABLE deployments ADD COLUMN max_workers int4 NOT NULL DEFAULT 0, ADD COLUMN priority int4 NOT NULL DEFAULT 0,
    ADD COLUMN timeout float8 NOT NULL DEFAULT 0; -- seconds; 0: none
