-- name: note_deleted_run
-- $3: when, as text of RFC 3339. The first time counts.
UPDATE versions v SET lineage = jsonb_build_object('runDeletedAt', $3::text) || v.lineage FROM models m
WHERE replace(v.lineage->>'runId', '-', '') = replace($2, '-', '') AND m.id = v.model_id AND m.project = $1
