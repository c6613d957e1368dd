"""Files that a task leaves as blobs: stored before the task counts as done, for as long as that takes."""

import asyncio
from pathlib import Path
from typing import Any

import structlog

from headwater_server.executor.node import outcomes
from headwater_server.executor.node.commands import PASSING, Pauses, why
from headwater_server.executor.node.context import Node
from headwater_server.executor.node.wire import Assignment
from headwater_server.kit.errors import DataLoss, ServiceError

log = structlog.get_logger("worker.handover")
# The store may be away for this long (seconds) before a finished task fails over it.
PATIENCE = 600.0


async def store_outputs(
    node: Node, task: Assignment, blobs: list[Any], base: Path, traceparent: str
) -> dict[str, Any] | None:
    """Stores all of them side by side; the failure of the task when that cannot be done."""
    try:
        wanted = [(str(digest), int(size), Path(str(path))) for digest, size, path in blobs]
    except (TypeError, ValueError):
        return outcomes.failure("KILLED", "the task's process did not speak the worker's language", retryable=False)
    try:
        async with asyncio.TaskGroup() as group:
            for blob in wanted:
                group.create_task(_store(node, task, *blob, base, traceparent))
    except ExceptionGroup as errors:
        error = errors.exceptions[0]
        if not isinstance(error, ServiceError | OSError):
            raise
        text = why(error) if isinstance(error, ServiceError) else str(error)
        return outcomes.failure("UPSTREAM", f"artifacts of step {task.key.step} cannot be stored: {text}")
    return None


async def _store(
    node: Node, task: Assignment, digest: str, size: int, path: Path, base: Path, traceparent: str
) -> None:
    pauses, loop = Pauses(), asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while True:
        try:
            if Path(f"{base}.out") in path.parents and not path.is_symlink():
                await node.transfers.put_made(task.project, task.key.run_id, digest, size, path, traceparent)
            elif await node.transfers.put_file(task.project, task.key.run_id, path, traceparent) != digest:
                raise DataLoss(f"{path} was changed while it was stored")
            return
        except PASSING as error:
            if loop.time() > deadline or error.reason == "DISK_FULL":
                raise
            log.warning("artifact waits for the store", task=task.name, error=str(error))
        await pauses.wait()
