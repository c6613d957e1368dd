"""The node agent: pulls tasks of one pool, runs each in a forked child, and completes it. No database, no gRPC."""

import headwater_server.kit  # noqa: F401  (before structlog: see there)
