-- What MLflow's clients know of experiments and runs beyond 0001: places of files, deletion, who, inputs and outputs.
ALTER TABLE experiments
    ADD COLUMN artifact_location text NOT NULL DEFAULT '',
    ADD COLUMN updated_at        timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN deleted_at        timestamptz;

-- of_flow: of a flow's run or of one of its tasks; the scheduler says when it ends.
ALTER TABLE runs
    ADD COLUMN user_name   text NOT NULL DEFAULT '',
    ADD COLUMN deleted_at  timestamptz,
    ADD COLUMN of_flow     boolean NOT NULL DEFAULT false;
UPDATE runs r SET of_flow = true
WHERE provisional OR EXISTS (
    SELECT 1 FROM tags t JOIN keys k ON k.id = t.key_id
    WHERE t.run_id = r.id AND k.name IN ('headwater.flow', 'headwater.task_id'));

CREATE TABLE datasets (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    experiment_id  integer NOT NULL REFERENCES experiments,
    name           text NOT NULL,
    digest         text NOT NULL,
    source_type    text NOT NULL,
    source         text NOT NULL,
    schema         text,
    profile        text,
    UNIQUE (experiment_id, name, digest)
);

-- tags: [{"key", "value"}]; context: the value of the one that names the use of the dataset, or null.
CREATE TABLE run_datasets (
    run_id      bigint NOT NULL,
    dataset_id  bigint NOT NULL REFERENCES datasets,
    tags        jsonb NOT NULL DEFAULT '[]',
    context     text,
    PRIMARY KEY (run_id, dataset_id)
);
CREATE INDEX run_datasets_of_dataset ON run_datasets (dataset_id);

-- Models that a run has used (output false) or made (output true).
CREATE TABLE run_models (
    run_id    bigint NOT NULL,
    model_id  text NOT NULL,
    output    boolean NOT NULL,
    step      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (run_id, output, model_id)
);
