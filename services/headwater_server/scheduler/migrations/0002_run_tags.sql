-- Tags change after the start of a run; the version lets two writers notice each other.
ALTER TABLE runs ADD COLUMN tags_version int4 NOT NULL DEFAULT 1;
