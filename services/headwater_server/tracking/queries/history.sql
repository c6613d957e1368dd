-- name: count_points
SELECT (SELECT count(*) FROM points WHERE run_id = $1 AND key_id = $2)
    + (SELECT coalesce(sum(cardinality(vals)), 0) FROM packed_points WHERE run_id = $1 AND key_id = $2)::bigint

-- name: all_points
SELECT step, ts, value FROM all_points WHERE run_id = $1 AND key_id = $2 ORDER BY step, ts, value

-- name: latest_point
-- What is left where retention has taken the points.
SELECT step, ts, value FROM latest_metrics WHERE run_id = $1 AND key_id = $2

-- name: thinned_points
-- The first and the last point, and of each of $3 buckets between them the lowest and the highest (NaN is highest).
WITH numbered AS (
    SELECT step, ts, value, row_number() OVER (ORDER BY step, ts, value) AS n, count(*) OVER () AS total
    FROM all_points WHERE run_id = $1 AND key_id = $2
), extremes AS (
    SELECT (array_agg(n ORDER BY value, n))[1] AS lowest, (array_agg(n ORDER BY value DESC, n))[1] AS highest
    FROM numbered
    WHERE n > 1 AND n < total
    GROUP BY (n - 2) * $3::bigint / (total - 2)
), kept AS (
    SELECT lowest AS n FROM extremes WHERE $3::bigint > 0
    UNION SELECT highest FROM extremes WHERE $3::bigint > 0
)
SELECT step, ts, value FROM numbered WHERE n = 1 AND $4::bool OR n = total OR n IN (SELECT n FROM kept) ORDER BY n
