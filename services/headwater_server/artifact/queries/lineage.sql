-- name: lineage_lock
-- Writers of lineage come one after the other: so no deletion misses what is being added, and events have an order.
SELECT pg_advisory_xact_lock(hashtext(current_schema() || '.lineage'))

-- name: lineage_rebuild_lock
-- Of the session: a rebuild is many transactions.
SELECT pg_try_advisory_lock(hashtext(current_schema() || '.lineage-rebuild'))

-- name: lineage_rebuild_unlock
SELECT pg_advisory_unlock(hashtext(current_schema() || '.lineage-rebuild'))

-- name: lineage_active
SELECT active FROM lineage_state

-- name: lineage_activate
UPDATE lineage_state SET active = $1

-- name: lineage_keep
-- Those that were not kept before.
INSERT INTO lineage_events (id, project, owner, type, at, body)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[], $6::text[])
ON CONFLICT (id) DO NOTHING
RETURNING id

-- name: lineage_forget_events
-- Of runs and models that are no more, all but what says so.
DELETE FROM lineage_events WHERE owner = ANY($1::uuid[]) AND type <> ALL($2::text[])

-- name: lineage_events_after
SELECT seq, id, project, owner, type, at, body FROM lineage_events WHERE seq > $1 ORDER BY seq LIMIT $2

-- name: lineage_emptied
SELECT project, max(at) AS at FROM lineage_events WHERE type = 'project.emptied' AND project = ANY($1::text[]) GROUP BY project

-- name: lineage_note_gone
INSERT INTO lineage_gone (build, id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING

-- name: lineage_gone_among
SELECT id FROM lineage_gone WHERE build = $1 AND id = ANY($2::uuid[])

-- name: lineage_nodes_of
-- What ends with some owners, and those that are given themselves.
SELECT id FROM lineage_nodes WHERE build = $1 AND owner = ANY($2::uuid[])
UNION SELECT id FROM lineage_nodes WHERE build = $1 AND id = ANY($2::uuid[])

-- name: lineage_cut_edges
-- All edges of some nodes; the nodes at their other ends.
WITH gone AS (
    DELETE FROM lineage_edges WHERE build = $1 AND source = ANY($2::uuid[]) RETURNING target AS other
), more AS (
    DELETE FROM lineage_edges WHERE build = $1 AND target = ANY($2::uuid[]) AND source <> ALL($2::uuid[])
    RETURNING source AS other
)
SELECT other FROM gone UNION SELECT other FROM more

-- name: lineage_drop_nodes
DELETE FROM lineage_nodes WHERE build = $1 AND id = ANY($2::uuid[])

-- name: lineage_drop_names
DELETE FROM lineage_names WHERE build = $1 AND id = ANY($2::uuid[])

-- name: lineage_drop_loose
-- Nodes of which nothing is known but an edge, when they have none.
DELETE FROM lineage_nodes n WHERE n.build = $1 AND n.id = ANY($2::uuid[]) AND n.at IS NULL
    AND NOT EXISTS (SELECT FROM lineage_edges e WHERE e.build = $1 AND e.source = n.id)
    AND NOT EXISTS (SELECT FROM lineage_edges e WHERE e.build = $1 AND e.target = n.id)

-- name: lineage_put_names
INSERT INTO lineage_names AS n (build, id, project, kind, name, at)
SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::smallint[], $5::text[], $6::timestamptz[])
ON CONFLICT (build, id) DO UPDATE SET name = excluded.name, at = excluded.at
WHERE (excluded.at, excluded.name COLLATE "C") > (n.at, n.name COLLATE "C")

-- name: lineage_put_nodes
-- Of two that tell what a node is, the later counts, of equal times the greater text.
INSERT INTO lineage_nodes AS n (build, id, project, kind, owner, label, at, attrs)
SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::smallint[], $5::uuid[], $6::text[], $7::timestamptz[], $8::text[])
ON CONFLICT (build, id) DO UPDATE SET at = excluded.at, attrs = excluded.attrs
WHERE excluded.at IS NOT NULL AND (n.at IS NULL OR (excluded.at, excluded.attrs COLLATE "C") > (n.at, n.attrs COLLATE "C"))

-- name: lineage_put_edges
INSERT INTO lineage_edges (build, source, target, kind, source_group, target_group)
SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::smallint[], $5::int[], $6::int[])
ON CONFLICT DO NOTHING

-- name: lineage_aliases
SELECT id, attrs FROM lineage_nodes WHERE build = $1 AND id = ANY($2::uuid[]) FOR UPDATE

-- name: lineage_cut_into
DELETE FROM lineage_edges WHERE build = $1 AND target = ANY($2::uuid[]) RETURNING source

-- name: lineage_empty_events
DELETE FROM lineage_events WHERE project = $1 AND type <> 'project.emptied'

-- name: lineage_empty_edges
DELETE FROM lineage_edges e USING lineage_nodes n
WHERE e.build = $1 AND n.build = $1 AND n.project = $2 AND e.source = n.id

-- name: lineage_empty_nodes
DELETE FROM lineage_nodes WHERE build = $1 AND project = $2

-- name: lineage_empty_names
DELETE FROM lineage_names WHERE build = $1 AND project = $2

-- name: lineage_clear_edges
DELETE FROM lineage_edges WHERE build = $1

-- name: lineage_clear_nodes
DELETE FROM lineage_nodes WHERE build = $1

-- name: lineage_clear_names
DELETE FROM lineage_names WHERE build = $1

-- name: lineage_clear_gone
DELETE FROM lineage_gone WHERE build = $1

-- name: lineage_print
-- A fingerprint of a build: equal graphs have equal ones.
SELECT (SELECT count(*) FROM lineage_nodes WHERE build = $1) AS nodes,
    (SELECT count(*) FROM lineage_edges WHERE build = $1) AS edges,
    (SELECT coalesce(sum(hashtextextended(concat_ws(' ', id, project, kind, owner, label, at, attrs), 0)::numeric), 0)
        FROM lineage_nodes WHERE build = $1)
    + (SELECT coalesce(sum(hashtextextended(concat_ws(' ', source, target, kind, source_group, target_group), 1)::numeric), 0)
        FROM lineage_edges WHERE build = $1)
    + (SELECT coalesce(sum(hashtextextended(concat_ws(' ', id, project, kind, name, at), 2)::numeric), 0)
        FROM lineage_names WHERE build = $1) AS print

-- name: lineage_walk_down
-- Level by level: the nodes that are reached from some by edges in their direction. Of siblings (one group) the first
-- $5; the walk ends behind $4 nodes, or $3 levels. One more level than $3 tells whether there is more. What a run was
-- given (13) is of interest where the run is asked for itself: its tasks tell which of it they have read.
WITH RECURSIVE walk (depth, ids, seen) AS (
    SELECT 0, $2::uuid[], $2::uuid[]
    UNION ALL
    SELECT w.depth + 1, next.ids, w.seen || next.ids
    FROM walk w CROSS JOIN LATERAL (
        SELECT array_agg(found.id) AS ids FROM (
            SELECT near.id FROM (
                SELECT e.target AS id, row_number() OVER (PARTITION BY e.target_group ORDER BY e.target) AS place
                FROM (
                    SELECT DISTINCT e.target, e.target_group
                    FROM unnest(w.ids) AS f (id) JOIN lineage_edges e ON e.build = $1 AND e.source = f.id
                    WHERE e.kind <> 13 OR w.depth = 0
                ) e
            ) near
            WHERE near.place <= $5
            EXCEPT SELECT unnest(w.seen)
            LIMIT greatest(0, $4 - cardinality(w.seen) + 1)
        ) found
    ) next
    WHERE w.depth <= $3 AND next.ids IS NOT NULL
)
SELECT depth, unnest(ids) AS id FROM walk

-- name: lineage_walk_up
-- The same against the direction of the edges.
WITH RECURSIVE walk (depth, ids, seen) AS (
    SELECT 0, $2::uuid[], $2::uuid[]
    UNION ALL
    SELECT w.depth + 1, next.ids, w.seen || next.ids
    FROM walk w CROSS JOIN LATERAL (
        SELECT array_agg(found.id) AS ids FROM (
            SELECT near.id FROM (
                SELECT e.source AS id, row_number() OVER (PARTITION BY e.source_group ORDER BY e.source) AS place
                FROM (
                    SELECT DISTINCT e.source, e.source_group
                    FROM unnest(w.ids) AS f (id) JOIN lineage_edges e ON e.build = $1 AND e.target = f.id
                    WHERE e.kind <> 13 OR w.depth = 0
                ) e
            ) near
            WHERE near.place <= $5
            EXCEPT SELECT unnest(w.seen)
            LIMIT greatest(0, $4 - cardinality(w.seen) + 1)
        ) found
    ) next
    WHERE w.depth <= $3 AND next.ids IS NOT NULL
)
SELECT depth, unnest(ids) AS id FROM walk

-- name: lineage_between
-- The edges among some nodes.
SELECT e.source, e.target, e.kind FROM unnest($2::uuid[]) AS f (id)
JOIN lineage_edges e ON e.build = $1 AND e.source = f.id
WHERE e.target = ANY($2::uuid[])

-- name: lineage_crowds_down
-- Where a node has more neighbours of one sort than $3: how many, and one of those that are shown.
SELECT e.source AS node, min(e.target::text)::uuid AS first, count(DISTINCT e.target) AS count
FROM unnest($2::uuid[]) AS f (id) JOIN lineage_edges e ON e.build = $1 AND e.source = f.id
GROUP BY e.source, e.target_group HAVING count(DISTINCT e.target) > $3

-- name: lineage_crowds_up
SELECT e.target AS node, min(e.source::text)::uuid AS first, count(DISTINCT e.source) AS count
FROM unnest($2::uuid[]) AS f (id) JOIN lineage_edges e ON e.build = $1 AND e.target = f.id
GROUP BY e.target, e.source_group HAVING count(DISTINCT e.source) > $3

-- name: lineage_nodes_by_id
SELECT n.id, n.project, n.kind, n.owner, n.label, n.at, n.attrs, o.name AS owner_name
FROM lineage_nodes n LEFT JOIN lineage_names o ON o.build = $1 AND o.id = n.owner
WHERE n.build = $1 AND n.id = ANY($2::uuid[])

-- name: lineage_nodes_labelled
-- Of one owner: with the label $4, or any from $4 up to $5.
SELECT id FROM lineage_nodes
WHERE build = $1 AND owner = $2 AND project = $3 AND label >= $4::text COLLATE "C"
    AND (label = $4 OR label < $5::text COLLATE "C")
ORDER BY label LIMIT 1000

-- name: lineage_made_by
-- Artifacts of a name that a task wrote.
SELECT n.id FROM lineage_edges e JOIN lineage_nodes n ON n.build = $1 AND n.id = e.target
WHERE e.build = $1 AND e.source = $2 AND n.label >= $3 || '@' AND n.label < $3 || 'A' AND n.kind = 4

-- name: lineage_read_by
SELECT n.id FROM lineage_edges e JOIN lineage_nodes n ON n.build = $1 AND n.id = e.source
WHERE e.build = $1 AND e.target = $2 AND n.label >= $3 || '@' AND n.label < $3 || 'A' AND n.kind = 4

-- name: lineage_owner
SELECT id, project, name FROM lineage_names WHERE build = $1 AND id = $2

-- name: lineage_model_named
SELECT id FROM lineage_names WHERE build = $1 AND project = $2 AND kind = 12 AND name = $3 ORDER BY at DESC LIMIT 1

-- name: lineage_models_named
SELECT DISTINCT name FROM lineage_names WHERE build = $1 AND project = $2 AND kind = 12 LIMIT 500

-- name: lineage_valued
-- Values of a digest that is no blob of its own, as the index of artifacts knows them.
SELECT DISTINCT run_id, name FROM artifacts WHERE project = $1 AND digest = $2 LIMIT 100
