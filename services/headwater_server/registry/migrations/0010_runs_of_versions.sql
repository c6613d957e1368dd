-- Which versions a run has made: their lineage says when it was deleted.
CREATE INDEX versions_by_run ON versions ((lineage ->> 'runId'));
