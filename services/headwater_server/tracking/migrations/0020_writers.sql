-- How far each writer of packed batches has come: what it sends again is known by its number, however late it comes.
CREATE TABLE writers (
    writer    text PRIMARY KEY,
    sequence  bigint NOT NULL DEFAULT 0,
    at        timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
