-- What has happened of triggers that wait for several events.
CREATE TABLE trigger_arrivals (
    project    text NOT NULL,
    deployment text NOT NULL,
    trigger    int4 NOT NULL,              -- its place among those of the deployment
    part       int4 NOT NULL,              -- which of the events
    at         timestamptz NOT NULL DEFAULT now(),
    source     jsonb NOT NULL,             -- TriggerSource
    parameters jsonb NOT NULL,
    PRIMARY KEY (project, deployment, trigger, part),
    FOREIGN KEY (project, deployment) REFERENCES deployments ON DELETE CASCADE
);
