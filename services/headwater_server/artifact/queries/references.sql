-- name: add_references
-- What the project does not have, and what comes late for a deleted run, is left out.
INSERT INTO blob_refs (project, digest, holder)
SELECT DISTINCT g.project, g.digest, g.holder
FROM unnest($1::text[], $2::bytea[], $3::text[], $4::uuid[]) AS g (project, digest, holder, run_id)
JOIN project_blobs p ON p.project = g.project AND p.digest = g.digest
WHERE NOT EXISTS (SELECT FROM deleted_runs d WHERE d.run_id = g.run_id)
ON CONFLICT DO NOTHING

-- name: refer_since
-- $4: when it began to need them.
INSERT INTO blob_refs (project, digest, holder, at)
SELECT $1, p.digest, $2, $4 FROM project_blobs p WHERE p.project = $1 AND p.digest = ANY ($3::bytea[])
ON CONFLICT (project, digest, holder) DO UPDATE SET at = greatest(blob_refs.at, excluded.at)

-- name: run_deleted
SELECT EXISTS (SELECT FROM deleted_runs WHERE run_id = $1)

-- name: note_deleted_run
INSERT INTO deleted_runs (run_id) VALUES ($1) ON CONFLICT DO NOTHING

-- name: forget_artifacts
DELETE FROM artifacts WHERE run_id = $1

-- name: forget_cards
-- The pages that they showed are released with them.
WITH gone AS (DELETE FROM cards WHERE run_id = $1 RETURNING project, digest)
UPDATE project_blobs p SET released_at = now() FROM gone g WHERE p.project = g.project AND p.digest = g.digest

-- name: forget_files
-- Those that it logged, below its folder $2.
WITH gone AS (
    DELETE FROM files WHERE project = $1 AND path >= $2 || '/' AND path < $2 || '0' RETURNING project, digest
)
UPDATE project_blobs p SET released_at = now() FROM gone g WHERE p.project = g.project AND p.digest = g.digest

-- name: lease_held
-- What a holder holds is held by a lease of $3 too: others may be about to refer to it.
INSERT INTO blob_refs (project, digest, holder, until)
SELECT project, digest, 'lease', now() + $3::interval FROM blob_refs WHERE project = $1 AND holder = $2
ON CONFLICT (project, digest, holder) DO UPDATE SET until = greatest(blob_refs.until, excluded.until)

-- name: release
-- $3: only what it holds since before then; null: all.
WITH gone AS (
    DELETE FROM blob_refs WHERE project = $1 AND holder = $2 AND ($3::timestamptz IS NULL OR at < $3)
    RETURNING project, digest
)
UPDATE project_blobs p SET released_at = now() FROM gone g WHERE p.project = g.project AND p.digest = g.digest

-- name: release_model
-- All versions of a model.
WITH gone AS (
    DELETE FROM blob_refs WHERE project = $1 AND holder LIKE 'version:%'
        AND regexp_replace(holder, '^version:\d+:', '') = $2
    RETURNING project, digest
)
UPDATE project_blobs p SET released_at = now() FROM gone g WHERE p.project = g.project AND p.digest = g.digest

-- name: rename_model
-- $2 is called $3 now.
UPDATE blob_refs SET holder = regexp_replace(holder, '^(version:\d+:).*$', '\1') || $3
WHERE project = $1 AND holder LIKE 'version:%' AND regexp_replace(holder, '^version:\d+:', '') = $2
