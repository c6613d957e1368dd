-- The successor that a switch chose.
ALTER TABLE tasks ADD COLUMN chosen text NOT NULL DEFAULT '';

-- Which tasks arrived at a join whose graph does not say so, because a switch is among the branches.
CREATE TABLE arrivals (
    run_id      uuid NOT NULL,
    split       text NOT NULL,
    split_path  text NOT NULL,
    split_index int4 NOT NULL,
    branch      int4 NOT NULL,
    step        text NOT NULL,              -- the task that was the last of this branch
    path        text NOT NULL,
    index       int4 NOT NULL,
    PRIMARY KEY (run_id, split, split_path, split_index, branch)
);

-- Where the other members of a gang find a worker's first one.
ALTER TABLE sessions ADD COLUMN address text NOT NULL DEFAULT '';
