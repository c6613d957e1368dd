"""Live events over HTTP: the stream of a run, the events of a project, foreign events in, dead letters."""
