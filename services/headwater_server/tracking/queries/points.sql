-- name: runs_to_pack
-- Over for $2 at least. $1: a project, or "*".
SELECT id FROM runs
WHERE packed_at IS NULL AND finished_at < now() - $2::interval AND ($1 = '*' OR project = $1) ORDER BY id LIMIT $3

-- name: long_series
-- Of the runs $1, those with $2 loose points or more.
SELECT run_id, key_id, count(*) AS points FROM points WHERE run_id = ANY ($1::bigint[])
GROUP BY run_id, key_id HAVING count(*) >= $2 ORDER BY run_id, key_id

-- name: pack_series
-- Of the run $1 the series $2: what is loose becomes rows of $3 points.
WITH loose AS (
    DELETE FROM points WHERE run_id = $1 AND key_id = ANY ($2::int[]) RETURNING key_id, step, ts, value
), numbered AS (
    SELECT key_id, step, ts, value, row_number() OVER (PARTITION BY key_id ORDER BY step, ts, value) - 1 AS n FROM loose
)
INSERT INTO packed_points (run_id, key_id, first_step, last_step, steps, times, vals)
SELECT $1, key_id, min(step), max(step), array_agg(step ORDER BY n), array_agg(ts ORDER BY n), array_agg(value ORDER BY n)
FROM numbered GROUP BY key_id, n / $3::int

-- name: runs_packed
UPDATE runs SET packed_at = now() WHERE id = ANY ($1::bigint[])

-- name: set_point_retention
INSERT INTO point_retention (project, experiment_id, after, keep, set_by) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (project, experiment_id)
DO UPDATE SET after = excluded.after, keep = excluded.keep, set_by = excluded.set_by, set_at = now()

-- name: point_retention
SELECT p.*, coalesce(e.name, '') AS experiment
FROM point_retention p LEFT JOIN experiments e ON e.id = p.experiment_id
WHERE p.project = $1 AND (p.experiment_id = 0 OR e.id IS NOT NULL) ORDER BY experiment

-- name: delete_point_retention
DELETE FROM point_retention WHERE project = $1 AND experiment_id = $2

-- name: runs_to_thin
-- Past the rule of their experiment, or else of their project, since it was set. $1: a project, or "*".
SELECT r.id, k.keep FROM runs r CROSS JOIN LATERAL (
    SELECT p.after, p.keep, p.set_at FROM point_retention p
    WHERE p.project = r.project AND p.experiment_id IN (0, r.experiment_id) ORDER BY p.experiment_id DESC LIMIT 1
) k
WHERE EXISTS (SELECT 1 FROM point_retention) AND r.project IN (SELECT project FROM point_retention WHERE $1 = '*' OR project = $1)
    AND r.finished_at < now() - k.after AND (r.thinned_at IS NULL OR r.thinned_at < greatest(k.set_at, r.finished_at))
ORDER BY r.id LIMIT $2

-- name: series_to_thin
SELECT key_id, sum(points)::bigint AS points FROM (
    SELECT key_id, count(*) AS points FROM points WHERE run_id = $1 GROUP BY key_id
    UNION ALL SELECT key_id, sum(cardinality(vals)) FROM packed_points WHERE run_id = $1 GROUP BY key_id
) each GROUP BY key_id HAVING sum(points) > $2 ORDER BY key_id

-- name: thin_series
-- Of the run $1 and the series $2 at most $3 points stay, packed $4 to a row; how many went. See thinned_points.
WITH loose AS (
    DELETE FROM points WHERE run_id = $1 AND key_id = ANY ($2::int[]) RETURNING key_id, step, ts, value
), packed AS (
    DELETE FROM packed_points WHERE run_id = $1 AND key_id = ANY ($2::int[]) RETURNING key_id, steps, times, vals
), numbered AS (
    SELECT key_id, step, ts, value, row_number() OVER (PARTITION BY key_id ORDER BY step, ts, value) AS n,
        count(*) OVER (PARTITION BY key_id) AS total
    FROM (
        SELECT key_id, step, ts, value FROM loose
        UNION ALL SELECT p.key_id, u.step, u.ts, u.value
        FROM packed p, unnest(p.steps, p.times, p.vals) AS u (step, ts, value)
    ) each
), extremes AS (
    SELECT key_id, (array_agg(n ORDER BY value, n))[1] AS lowest, (array_agg(n ORDER BY value DESC, n))[1] AS highest
    FROM numbered WHERE n > 1 AND n < total AND $3::int >= 4
    GROUP BY key_id, (n - 2) * (($3::bigint - 2) / 2) / (total - 2)
), kept AS (
    SELECT key_id, step, ts, value, row_number() OVER (PARTITION BY key_id ORDER BY n) - 1 AS n FROM numbered
    WHERE n = total AND $3::int > 0 OR n = 1 AND $3::int > 1 OR total <= $3::int
        OR (key_id, n) IN (SELECT key_id, lowest FROM extremes UNION SELECT key_id, highest FROM extremes)
), made AS (
    INSERT INTO packed_points (run_id, key_id, first_step, last_step, steps, times, vals)
    SELECT $1, key_id, min(step), max(step), array_agg(step ORDER BY n), array_agg(ts ORDER BY n),
        array_agg(value ORDER BY n)
    FROM kept GROUP BY key_id, n / $4::int
)
SELECT (SELECT count(*) FROM numbered) - (SELECT count(*) FROM kept)

-- name: runs_thinned
UPDATE runs SET thinned_at = now() WHERE id = ANY ($1::bigint[])
