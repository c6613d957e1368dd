"""Decides how a task runs: workers over gRPC, logs of all, and the node agent that forks the tasks."""
