-- name: tr_start
-- Whoever made the trace says what it was; spans may have come before.
INSERT INTO traces AS t (trace_id, project, experiment_id, state, started_ms, duration_ms, client_request_id,
    request_preview, response_preview, metadata, tags, finalized)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (trace_id, project) DO UPDATE SET
    experiment_id = EXCLUDED.experiment_id, state = EXCLUDED.state, started_ms = EXCLUDED.started_ms,
    duration_ms = EXCLUDED.duration_ms, client_request_id = EXCLUDED.client_request_id,
    request_preview = coalesce(EXCLUDED.request_preview, t.request_preview),
    response_preview = coalesce(EXCLUDED.response_preview, t.response_preview),
    metadata = t.metadata || EXCLUDED.metadata, tags = t.tags || EXCLUDED.tags,
    finalized = t.finalized OR EXCLUDED.finalized
RETURNING id

-- name: tr_end
-- As MLflow before 3.0 does it: after the trace was made.
UPDATE traces SET duration_ms = greatest($2 - started_ms, 0), state = $3, metadata = metadata || $4, tags = tags || $5
WHERE id = $1

-- name: tr_spans_of
-- Traces that spans tell of, made where there are none yet. Sorted: two that write the same ones wait, never for ever.
INSERT INTO traces AS t (trace_id, project, experiment_id, state, started_ms, duration_ms, request_preview,
    response_preview, metadata, tags)
SELECT n.trace_id, $1, $2, n.state, n.started_ms, n.duration_ms, n.request, n.response, n.metadata::jsonb, n.tags::jsonb
FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::text[])
    AS n (trace_id, state, started_ms, duration_ms, request, response, metadata, tags)
ORDER BY n.trace_id
ON CONFLICT (trace_id, project) DO UPDATE SET
    state = CASE WHEN t.state IN ('IN_PROGRESS', 'STATE_UNSPECIFIED') THEN EXCLUDED.state ELSE t.state END,
    started_ms = CASE WHEN t.finalized THEN t.started_ms ELSE least(t.started_ms, EXCLUDED.started_ms) END,
    duration_ms = CASE WHEN t.finalized OR EXCLUDED.duration_ms IS NULL THEN t.duration_ms
        ELSE greatest(t.started_ms + coalesce(t.duration_ms, 0), EXCLUDED.started_ms + EXCLUDED.duration_ms)
            - least(t.started_ms, EXCLUDED.started_ms) END,
    request_preview = coalesce(t.request_preview, EXCLUDED.request_preview),
    response_preview = coalesce(t.response_preview, EXCLUDED.response_preview),
    metadata = EXCLUDED.metadata || t.metadata,
    tags = t.tags || (EXCLUDED.tags - 'mlflow.artifactLocation')
RETURNING id, trace_id, finalized, metadata

-- name: tr_put_spans
INSERT INTO spans AS s (trace, span_id, parent_id, name, type, status, start_ns, end_ns, content)
SELECT n.trace, n.span_id, n.parent_id, n.name, n.type, n.status, n.start_ns, n.end_ns, n.content::jsonb
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
    $9::text[]) AS n (trace, span_id, parent_id, name, type, status, start_ns, end_ns, content)
ON CONFLICT (trace, span_id) DO UPDATE SET parent_id = EXCLUDED.parent_id, name = EXCLUDED.name, type = EXCLUDED.type,
    status = EXCLUDED.status, start_ns = EXCLUDED.start_ns, end_ns = EXCLUDED.end_ns, content = EXCLUDED.content

-- name: tr_used
-- What each span says that it used: tokens and money.
SELECT trace, span_id, parent_id, content -> 'attributes' ->> 'mlflow.chat.tokenUsage' AS usage,
    content -> 'attributes' ->> 'mlflow.llm.cost' AS cost
FROM spans WHERE trace = ANY ($1::bigint[])

-- name: tr_add_metadata
UPDATE traces SET metadata = metadata || $2 WHERE id = $1

-- name: tr_one
-- $2: the project whose traces may be seen, or null for all; $3: the one that is looked at first.
SELECT t.*, e.name AS experiment FROM traces t JOIN experiments e ON e.id = t.experiment_id
WHERE t.trace_id = $1 AND ($2::text IS NULL OR t.project = $2) ORDER BY t.project = $3 DESC LIMIT 1

-- name: tr_many
SELECT DISTINCT ON (t.trace_id) t.*, e.name AS experiment FROM traces t JOIN experiments e ON e.id = t.experiment_id
WHERE t.trace_id = ANY ($1::text[]) AND ($2::text IS NULL OR t.project = $2)
    AND ($4::int[] IS NULL OR t.experiment_id = ANY ($4::int[]))
ORDER BY t.trace_id, t.project = $3 DESC

-- name: tr_rows
SELECT t.*, e.name AS experiment FROM traces t JOIN experiments e ON e.id = t.experiment_id
WHERE t.id = ANY ($1::bigint[])

-- name: tr_spans
-- Roots first, then as they began.
SELECT trace, content FROM spans WHERE trace = ANY ($1::bigint[])
ORDER BY trace, parent_id IS NOT NULL, start_ns, span_id

-- name: tr_assessments
SELECT a.*, t.trace_id FROM assessments a JOIN traces t ON t.id = a.trace WHERE a.trace = ANY ($1::bigint[])
ORDER BY a.trace, a.created_ms, a.assessment_id

-- name: tr_tag
UPDATE traces SET tags = tags || jsonb_build_object($2::text, $3::text) WHERE id = $1

-- name: tr_untag
UPDATE traces SET tags = tags - $2::text WHERE id = $1 AND tags ? $2::text RETURNING id

-- name: tr_delete_listed
DELETE FROM traces WHERE experiment_id = $1 AND trace_id = ANY ($2::text[])

-- name: tr_delete_older
-- The oldest first, where not all may go.
DELETE FROM traces WHERE id IN (
    SELECT id FROM traces WHERE experiment_id = $1 AND started_ms <= $2 ORDER BY started_ms, trace_id LIMIT $3)

-- name: tr_link_run
INSERT INTO trace_runs (trace, run_id)
SELECT t.id, $2 FROM traces t WHERE t.trace_id = ANY ($1::text[]) AND t.project = $3
ON CONFLICT DO NOTHING

-- name: tr_link_prompts
INSERT INTO trace_prompts (trace, prompt) SELECT $1, unnest($2::text[]) ON CONFLICT DO NOTHING

-- name: tr_put_assessment
INSERT INTO assessments (trace, assessment_id, name, type, value, error, source_type, source_id, span_id, rationale,
    metadata, overrides, valid, created_ms, updated_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (trace, assessment_id) DO UPDATE SET name = EXCLUDED.name, type = EXCLUDED.type, value = EXCLUDED.value,
    error = EXCLUDED.error, rationale = EXCLUDED.rationale, metadata = EXCLUDED.metadata,
    valid = EXCLUDED.valid, updated_ms = EXCLUDED.updated_ms

-- name: tr_validate_assessment
UPDATE assessments SET valid = $3 WHERE trace = $1 AND assessment_id = $2 RETURNING assessment_id

-- name: tr_assessment
SELECT a.*, t.trace_id FROM assessments a JOIN traces t ON t.id = a.trace
WHERE a.trace = $1 AND a.assessment_id = $2 FOR UPDATE OF a

-- name: tr_delete_assessment
DELETE FROM assessments WHERE trace = $1 AND assessment_id = $2 RETURNING overrides

-- name: empty_traces
DELETE FROM traces WHERE project = $1

-- name: delete_traces
-- Of runs that are deleted: what they traced goes with them.
DELETE FROM traces WHERE metadata ? 'mlflow.sourceRun' AND metadata ->> 'mlflow.sourceRun' = ANY (
    SELECT replace(r.uuid::text, '-', '') FROM runs r WHERE r.id = ANY ($1::bigint[]))

-- name: remove_traces
DELETE FROM traces t WHERE t.experiment_id = $1 AND NOT EXISTS (SELECT FROM runs r WHERE r.experiment_id = $1)
