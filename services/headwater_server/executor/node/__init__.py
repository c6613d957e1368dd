"""The node agent: pulls tasks of one pool, runs each in a forked child, and completes it. No database, no gRPC."""
