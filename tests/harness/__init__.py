"""Real servers for tests, and helpers that await instead of sleep."""

import os

# Servers are forked while gRPC runs in this process: its fork handlers now and then abort the child before it can exec.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
