"""Pages that a task renders, on their way into the store: of each card the newest, one after the other.

A card never fails its task: what cannot be stored is said in the task's log.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from headwater_server.executor.node.commands import why
from headwater_server.executor.node.transfers import Transfers
from headwater_server.executor.node.wire import Assignment
from headwater_server.kit.errors import ServiceError

# Seconds for which the store may be away.
PATIENCE = 20.0


class AttemptCards:
    def __init__(self, task: Assignment, transfers: Transfers, say: Callable[[str], None]) -> None:
        self._task, self._transfers, self._say = task, transfers, say
        self._waiting: dict[str, dict[str, Any]] = {}
        self._worker: asyncio.Task[None] | None = None

    def add(self, message: dict[str, Any], traceparent: str) -> None:
        """A frame of the child. What waits for the same card is out of date with it."""
        self._waiting[str(message.get("slot", ""))] = message
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(traceparent))

    async def stored(self) -> None:
        """Returns when nothing waits any more, whatever became of it."""
        if self._worker is not None:
            await asyncio.wait((self._worker,))

    def close(self) -> None:
        if self._worker is not None:
            self._worker.cancel()

    async def _work(self, traceparent: str) -> None:
        while self._waiting:
            slot = next(iter(self._waiting))
            message = self._waiting.pop(slot)
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._store(slot, message, traceparent)
            except (ServiceError, OSError, TimeoutError, ValueError) as error:
                text = why(error) if isinstance(error, ServiceError) else str(error) or "the store does not answer"
                self._say(f"card {message.get('id') or message.get('type')} cannot be stored: {text}")

    async def _store(self, slot: str, message: dict[str, Any], traceparent: str) -> None:
        task, page = self._task, str(message.get("html", "")).encode(errors="replace")
        digest = await self._transfers.put_bytes(task.project, task.key.run_id, page, traceparent)
        card = {
            "key": task.key,
            "taskId": task.task_id,
            "attempt": task.attempt,
            "slot": slot,
            "id": str(message.get("id", "")),
            "type": str(message.get("type", "")),
            "digest": digest,
            "sequence": int(message.get("sequence", 0)),
            "final": bool(message.get("final")),
        }
        await self._transfers.put_card({"project": task.project, "runId": task.key.run_id, "card": card}, traceparent)
