-- name: note_deleted_runs
INSERT INTO deleted_runs (run_id) SELECT unnest($1::uuid[]) ON CONFLICT DO NOTHING

-- name: empty_artifacts
DELETE FROM artifacts WHERE project = $1

-- name: empty_cards
DELETE FROM cards WHERE project = $1

-- name: empty_files
DELETE FROM files WHERE project = $1

-- name: empty_datasets
DELETE FROM datasets WHERE project = $1

-- name: empty_datum_aliases
DELETE FROM datum_aliases WHERE project = $1

-- name: empty_references
DELETE FROM blob_refs WHERE project = $1

-- name: projects
SELECT project FROM artifacts GROUP BY project UNION SELECT project FROM files GROUP BY project
UNION SELECT project FROM datasets GROUP BY project
