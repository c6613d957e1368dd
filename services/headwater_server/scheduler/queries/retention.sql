-- name: set_retention
INSERT INTO retention (project, keep_for, keep_last, set_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (project) DO UPDATE SET keep_for = excluded.keep_for, keep_last = excluded.keep_last,
    set_by = excluded.set_by, set_at = now()

-- name: get_retention
SELECT * FROM retention WHERE project = $1

-- name: delete_retention
DELETE FROM retention WHERE project = $1

-- name: runs_past_retention
-- Of all projects, or of $1; only the run $2, where it is given. Oldest end first.
SELECT r.run_id, r.project FROM retention k JOIN runs r ON r.project = k.project
WHERE ($1 = '' OR k.project = $1) AND ($2::uuid IS NULL OR r.run_id = $2)
    AND r.state <> 1 AND r.finished_at < now() - k.keep_for AND NOT ('headwater:keep' = ANY (r.tags))
    AND NOT EXISTS (SELECT FROM made_versions m WHERE m.run_id = r.run_id)
    AND (k.keep_last = 0 OR k.keep_last <= (SELECT count(*) FROM (
        SELECT FROM runs n WHERE n.project = r.project AND n.flow = r.flow AND n.run_id > r.run_id LIMIT k.keep_last) newer))
ORDER BY r.finished_at LIMIT $3

-- name: note_version
INSERT INTO made_versions (project, model, version, run_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING

-- name: forget_version
DELETE FROM made_versions WHERE project = $1 AND model = $2 AND version = $3

-- name: forget_model
DELETE FROM made_versions WHERE project = $1 AND model = $2

-- name: rename_model
UPDATE made_versions SET model = $3 WHERE project = $1 AND model = $2
