-- name: index_artifacts
-- A redelivered event changes nothing, nor does one of a run that was deleted.
INSERT INTO artifacts (
    run_id, step, path, index, attempt, name, project, flow, task_id, digest, size, type, encoding, created_at
)
SELECT * FROM unnest(
    $1::uuid[], $2::text[], $3::text[], $4::int[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[],
    $10::bytea[], $11::bigint[], $12::text[], $13::text[], $14::timestamptz[]
) AS g (run_id)
WHERE NOT EXISTS (SELECT FROM deleted_runs d WHERE d.run_id = g.run_id)
ON CONFLICT (run_id, step, path, index, attempt, name) DO NOTHING

-- name: list_artifacts
-- The newest first: a keyset page that begins before the id $2. Filters that are null do not count.
SELECT id, run_id, step, path, index, attempt, name, flow, task_id, digest, size, type, encoding, created_at
FROM artifacts
WHERE project = $1 AND id < $2
    AND ($3::uuid IS NULL OR run_id = $3)
    AND ($4::text IS NULL OR step = $4)
    AND ($5::text IS NULL OR task_id = $5)
    AND ($6::text IS NULL OR name = $6)
    AND ($7::bytea IS NULL OR digest = $7)
ORDER BY id DESC
LIMIT $8

-- name: plan_each_time
-- Which filters are there decides the plan.
SET LOCAL plan_cache_mode = force_custom_plan
