-- name: deploy
INSERT INTO deployments (project, name, version, graph_digest, code, parameters, triggers, tags, deployed_by, role, next_at,
    max_workers, priority, timeout)
VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (project, name) DO UPDATE SET version = deployments.version + 1, graph_digest = excluded.graph_digest,
    code = excluded.code, parameters = excluded.parameters, triggers = excluded.triggers, tags = excluded.tags,
    deployed_by = excluded.deployed_by, role = excluded.role, deployed_at = now(), next_at = excluded.next_at,
    max_workers = excluded.max_workers, priority = excluded.priority, timeout = excluded.timeout
RETURNING *

-- name: undeploy
DELETE FROM deployments WHERE project = $1 AND name = $2 RETURNING name

-- name: get_deployment
SELECT * FROM deployments WHERE project = $1 AND name = $2

-- name: list_deployments
SELECT * FROM deployments WHERE project = $1 ORDER BY name

-- name: deployments_for
-- Those of a project that an event of this name ($2), or the end of a run of this flow ($3), may start.
SELECT * FROM deployments d WHERE project = $1 AND paused_at IS NULL AND EXISTS (
    SELECT 1 FROM jsonb_array_elements(d.triggers) e, jsonb_array_elements(coalesce(e -> 'all' -> 'of', jsonb_build_array(e))) t
    WHERE t -> 'event' ->> 'name' = $2 OR ($3 <> '' AND t -> 'finish' ->> 'flow' = $3))

-- name: started_by
-- Which of these events ($1 projects, $2 names, $3 flows whose runs have ended) may start any? By their places, from 1.
SELECT e.place FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS e (project, name, flow, place)
WHERE EXISTS (
    SELECT 1 FROM deployments d, jsonb_array_elements(d.triggers) g, jsonb_array_elements(coalesce(g -> 'all' -> 'of', jsonb_build_array(g))) t
    WHERE d.project = e.project AND d.paused_at IS NULL
        AND (t -> 'event' ->> 'name' = e.name OR (e.flow <> '' AND t -> 'finish' ->> 'flow' = e.flow)))

-- name: lock_deployment
SELECT 1 FROM deployments WHERE project = $1 AND name = $2 FOR NO KEY UPDATE

-- name: arrive
-- Of a part that happens twice, the newer counts.
INSERT INTO trigger_arrivals (project, deployment, trigger, part, source, parameters) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (project, deployment, trigger, part)
DO UPDATE SET at = now(), source = excluded.source, parameters = excluded.parameters

-- name: list_trigger_arrivals
SELECT part, at, source, parameters FROM trigger_arrivals WHERE project = $1 AND deployment = $2 AND trigger = $3 ORDER BY at

-- name: forget_arrivals
-- $3: of this trigger; NULL: of all.
DELETE FROM trigger_arrivals WHERE project = $1 AND deployment = $2 AND ($3::int IS NULL OR trigger = $3)

-- name: due_deployments
SELECT project, name FROM deployments WHERE next_at <= now() AND paused_at IS NULL ORDER BY next_at

-- name: lock_due
-- Nothing: another scheduler is at it, or was.
SELECT * FROM deployments WHERE project = $1 AND name = $2 AND next_at <= now() AND paused_at IS NULL
FOR UPDATE SKIP LOCKED

-- name: pause_deployment
UPDATE deployments SET paused_at = coalesce(paused_at, now()) WHERE project = $1 AND name = $2 RETURNING *

-- name: resume_deployment
-- $3: when its clock strikes next.
UPDATE deployments SET paused_at = NULL, next_at = CASE WHEN paused_at IS NULL THEN next_at ELSE $3 END
WHERE project = $1 AND name = $2 RETURNING *

-- name: reschedule
UPDATE deployments SET next_at = $3 WHERE project = $1 AND name = $2

-- name: tags_of_run
SELECT tags FROM runs WHERE run_id = $1
