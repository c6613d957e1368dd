-- The run was deleted: its parts are gone, what is left in the stream has to go, and nothing of it is archived any more.
ALTER TABLE archives ADD COLUMN deleted_at timestamptz, ADD COLUMN purge_at timestamptz;
CREATE INDEX archives_to_purge ON archives (purge_at) WHERE purge_at IS NOT NULL;
