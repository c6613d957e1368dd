-- What a worker has for tasks, and what a task was given of it when it was placed there. gang_slots: members of one gang
-- that it takes at a time.
ALTER TABLE sessions ADD COLUMN gpus int4 NOT NULL DEFAULT 0, ADD COLUMN memory_mb int8 NOT NULL DEFAULT 0,
    ADD COLUMN cpus float8 NOT NULL DEFAULT 0, ADD COLUMN gang_slots int4 NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN gpus int4 NOT NULL DEFAULT 0, ADD COLUMN memory_mb int8 NOT NULL DEFAULT 0;
