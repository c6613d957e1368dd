-- name: find_keys
SELECT name, id FROM keys WHERE name = ANY($1::text[])

-- name: insert_keys
INSERT INTO keys (name) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING

-- name: insert_batches
-- Only the new ones come back: the others were stored before.
INSERT INTO batches (run_id, batch_id)
SELECT * FROM unnest($1::bigint[], $2::text[])
ON CONFLICT DO NOTHING
RETURNING run_id, batch_id

-- name: forget_batches
-- Nothing is sent again after that long: the stream keeps messages for less.
DELETE FROM batches WHERE at < now() - interval '8 days'

-- name: upsert_latest
INSERT INTO latest_metrics AS l (run_id, key_id, step, ts, value)
SELECT * FROM unnest($1::bigint[], $2::int[], $3::bigint[], $4::bigint[], $5::float8[])
ON CONFLICT (run_id, key_id) DO UPDATE SET step = excluded.step, ts = excluded.ts, value = excluded.value
WHERE (excluded.step, excluded.ts, excluded.value) > (l.step, l.ts, l.value)

-- name: insert_params
INSERT INTO params (run_id, key_id, value)
SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[])
ON CONFLICT DO NOTHING

-- name: differing_params
-- What was to be written and is something else already.
SELECT n.run_id, n.key_id, n.value AS new, p.value AS old
FROM unnest($1::bigint[], $2::int[], $3::text[]) AS n (run_id, key_id, value)
JOIN params p ON p.run_id = n.run_id AND p.key_id = n.key_id
WHERE p.value <> n.value

-- name: upsert_tags
INSERT INTO tags AS t (run_id, key_id, value)
SELECT * FROM unnest($1::bigint[], $2::int[], $3::text[])
ON CONFLICT (run_id, key_id) DO UPDATE SET value = excluded.value
WHERE t.value <> excluded.value

-- name: hold_writer
-- How far it has come; nobody else writes for it until this transaction ends.
INSERT INTO writers (writer) VALUES ($1) ON CONFLICT (writer) DO UPDATE SET at = now() RETURNING sequence

-- name: advance_writer
UPDATE writers SET sequence = $2 WHERE writer = $1

-- name: forget_writers
-- A row per process that ever logged; one that comes back after so long would have its last batch stored again.
DELETE FROM writers WHERE at < now() - interval '2 years'
