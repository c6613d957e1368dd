-- Traces of generative applications: what MLflow's clients and OpenTelemetry send. Trace ids are texts outside and
-- bigints inside.

-- finalized: its maker has said how it began, ended and what it used; spans that come later do not change that.
CREATE TABLE traces (
    id                 bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    trace_id           text NOT NULL,
    project            text NOT NULL,
    experiment_id      integer NOT NULL REFERENCES experiments,
    state              text NOT NULL,
    started_ms         bigint NOT NULL,
    duration_ms        bigint,
    client_request_id  text,
    request_preview    text,
    response_preview   text,
    metadata           jsonb NOT NULL DEFAULT '{}',
    tags               jsonb NOT NULL DEFAULT '{}',
    finalized          boolean NOT NULL DEFAULT false,
    UNIQUE (trace_id, project)
);
CREATE INDEX traces_of_experiment ON traces (experiment_id, started_ms DESC, trace_id);
CREATE INDEX traces_of_session ON traces (experiment_id, (metadata ->> 'mlflow.trace.session'))
    WHERE metadata ? 'mlflow.trace.session';
CREATE INDEX traces_of_run ON traces ((metadata ->> 'mlflow.sourceRun')) WHERE metadata ? 'mlflow.sourceRun';
CREATE INDEX traces_by_tag ON traces USING gin (tags jsonb_path_ops);

-- content: the span as MLflow's JSON of it; its attributes are JSON in texts.
CREATE TABLE spans (
    trace      bigint NOT NULL REFERENCES traces ON DELETE CASCADE,
    span_id    text NOT NULL,
    parent_id  text,
    name       text NOT NULL,
    type       text,
    status     text NOT NULL,
    start_ns   bigint NOT NULL,
    end_ns     bigint,
    content    jsonb NOT NULL,
    PRIMARY KEY (trace, span_id)
) PARTITION BY HASH (trace);
CREATE TABLE spans_0 PARTITION OF spans FOR VALUES WITH (MODULUS 8, REMAINDER 0);
CREATE TABLE spans_1 PARTITION OF spans FOR VALUES WITH (MODULUS 8, REMAINDER 1);
CREATE TABLE spans_2 PARTITION OF spans FOR VALUES WITH (MODULUS 8, REMAINDER 2);
CREATE TABLE spans_3 PARTITION OF spans FOR VALUES WITH (MODULUS 8, REMAINDER 3);
CREATE TABLE spans_4 PARTITION OF spans FOR VALUES WITH (MODULUS 8, REMAINDER 4);
CREATE TABLE spans_5 PARTITION OF spans FOR VALUES WITH (MODULUS 8, REMAINDER 5);
CREATE TABLE spans_6 PARTITION OF spans FOR VALUES WITH (MODULUS 8, REMAINDER 6);
CREATE TABLE spans_7 PARTITION OF spans FOR VALUES WITH (MODULUS 8, REMAINDER 7);

-- What people, judges and code say of a trace: type is feedback, expectation or issue; value is JSON.
CREATE TABLE assessments (
    trace          bigint NOT NULL REFERENCES traces ON DELETE CASCADE,
    assessment_id  text NOT NULL,
    name           text NOT NULL,
    type           text NOT NULL,
    value          jsonb,
    error          jsonb,
    source_type    text NOT NULL,
    source_id      text,
    span_id        text,
    rationale      text,
    metadata       jsonb NOT NULL DEFAULT '{}',
    overrides      text,
    valid          boolean NOT NULL DEFAULT true,
    created_ms     bigint NOT NULL,
    updated_ms     bigint NOT NULL,
    PRIMARY KEY (trace, assessment_id)
);
CREATE INDEX assessments_by_name ON assessments (name, trace);

CREATE TABLE trace_runs (
    trace   bigint NOT NULL REFERENCES traces ON DELETE CASCADE,
    run_id  bigint NOT NULL REFERENCES runs ON DELETE CASCADE,
    PRIMARY KEY (run_id, trace)
);
CREATE INDEX trace_runs_of_trace ON trace_runs (trace);

-- prompt: name/version.
CREATE TABLE trace_prompts (
    trace   bigint NOT NULL REFERENCES traces ON DELETE CASCADE,
    prompt  text NOT NULL,
    PRIMARY KEY (prompt, trace)
);
CREATE INDEX trace_prompts_of_trace ON trace_prompts (trace);
