-- Runs of flows that were deleted: what comes late for one of them makes no new one.
CREATE TABLE deleted_runs (
    uuid        uuid PRIMARY KEY,
    deleted_at  timestamptz NOT NULL DEFAULT now()
);
