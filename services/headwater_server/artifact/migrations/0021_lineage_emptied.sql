-- Looked up with every batch of events: when was each of its projects last emptied?
CREATE INDEX lineage_emptied ON lineage_events (project, at) WHERE type = 'project.emptied';
