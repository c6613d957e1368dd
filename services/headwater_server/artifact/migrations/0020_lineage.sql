-- What was made from what: a graph that is built from events only. docs/lineage.md.

-- The events that it is built from, for as long as who they tell of is there: what the bus forgets stays here.
CREATE TABLE lineage_events (
    -- Given out under the lock of the writers, so their order is that of the commits.
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       text NOT NULL UNIQUE,
    project  text NOT NULL,
    owner    uuid, -- the run or model whose end takes it away
    type     text NOT NULL,
    at       timestamptz NOT NULL,
    body     text NOT NULL
);
CREATE INDEX lineage_events_of_owner ON lineage_events (owner) WHERE owner IS NOT NULL;

-- The graph in use is that of build `active`; a rebuild writes another one and then says so here.
CREATE TABLE lineage_state (
    only_one  boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    active    smallint NOT NULL
);
INSERT INTO lineage_state (active) VALUES (0);

-- What runs (their flow or experiment) and models are called: the newest name.
CREATE TABLE lineage_names (
    build    smallint NOT NULL,
    id       uuid NOT NULL,
    project  text NOT NULL,
    kind     smallint NOT NULL,
    name     text NOT NULL,
    at       timestamptz NOT NULL,
    PRIMARY KEY (build, id)
);
CREATE INDEX lineage_names_by_name ON lineage_names (build, project, kind, name);

-- Runs, models and versions that are no more: what is told of them later counts for nothing.
CREATE TABLE lineage_gone (
    build  smallint NOT NULL,
    id     uuid NOT NULL,
    PRIMARY KEY (build, id)
);

-- at: when it was told what the node is; null: it is only known to be there, as the end of an edge.
CREATE TABLE lineage_nodes (
    build    smallint NOT NULL,
    id       uuid NOT NULL,
    project  text NOT NULL,
    kind     smallint NOT NULL,
    owner    uuid,
    label    text COLLATE "C" NOT NULL,
    at       timestamptz,
    attrs    text NOT NULL,
    PRIMARY KEY (build, id)
);
CREATE INDEX lineage_nodes_of_owner ON lineage_nodes (build, owner, label) WHERE owner IS NOT NULL;

-- source_group, target_group: equal for neighbours of one sort, such as the tasks of a step.
CREATE TABLE lineage_edges (
    build         smallint NOT NULL,
    source        uuid NOT NULL,
    target        uuid NOT NULL,
    kind          smallint NOT NULL,
    source_group  integer NOT NULL,
    target_group  integer NOT NULL,
    PRIMARY KEY (build, source, target, kind) INCLUDE (target_group)
);
CREATE INDEX lineage_edges_into ON lineage_edges (build, target, source, kind) INCLUDE (source_group);
