-- Projects that somebody has created; others are there by being used.
CREATE TABLE projects (
    name         text PRIMARY KEY,
    description  text NOT NULL,
    created_by   jsonb NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now()
);
