-- Points of runs that are over are packed, a thousand to a row: a seventh of the space, and a history is a few rows.
CREATE TABLE packed_points (
    run_id      bigint NOT NULL,
    key_id      integer NOT NULL,
    first_step  bigint NOT NULL,
    last_step   bigint NOT NULL,
    steps       bigint[] NOT NULL,
    times       bigint[] NOT NULL,
    vals        double precision[] NOT NULL
);
CREATE INDEX packed_points_of_series ON packed_points (run_id, key_id, first_step);

-- What readers read.
CREATE VIEW all_points AS
SELECT run_id, key_id, step, ts, value FROM points
UNION ALL
SELECT p.run_id, p.key_id, u.step, u.ts, u.value
FROM packed_points p, unnest(p.steps, p.times, p.vals) AS u (step, ts, value);

-- packed_at: null while there may be points to pack; thinned_at: when a rule of retention was last applied.
ALTER TABLE runs ADD COLUMN packed_at timestamptz, ADD COLUMN thinned_at timestamptz;
CREATE INDEX runs_to_pack ON runs (id) WHERE packed_at IS NULL;
CREATE INDEX runs_deleted ON runs (deleted_at) WHERE deleted_at IS NOT NULL;

-- experiment_id 0: the rule of the project. keep: at most so many points of a series stay; 0: none.
CREATE TABLE point_retention (
    project        text NOT NULL,
    experiment_id  integer NOT NULL DEFAULT 0,
    after          interval NOT NULL,
    keep           integer NOT NULL,
    set_at         timestamptz NOT NULL DEFAULT now(),
    set_by         jsonb NOT NULL,
    PRIMARY KEY (project, experiment_id)
);

-- Packing deletes about as many rows as come in: their space is to be used again soon.
ALTER TABLE points_0 SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE points_1 SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE points_2 SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE points_3 SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE points_4 SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE points_5 SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE points_6 SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE points_7 SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
