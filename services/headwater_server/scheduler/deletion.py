"""Takes a run away for good: its rows and the fact that tells the other services, in one transaction.

What they keep of it (metrics, logs, artifacts) they delete when they hear of it.
"""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from headwater_server.kit.errors import FailedPrecondition
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.scheduler import facts
from headwater_server.scheduler.assignments import RunInfo
from headwater_server.scheduler.states import RunState
from headwater_server.scheduler.store import Store, no_run, q

Check = Callable[[OutboxTransaction], Awaitable[bool]]


class Deletion:
    def __init__(self, outbox: Outbox, store: Store) -> None:
        self._outbox, self._store = outbox, store

    async def delete(self, info: RunInfo, reason: str, actor: dict[str, Any], *, still: Check | None = None) -> bool:
        """still(tx): is it to be deleted even now that its row is locked? False: it is not.
        Raises NotFound, FailedPrecondition (it is not over)."""
        run = uuid.UUID(info.run_id)
        async with self._outbox.transaction() as tx:
            state = await tx.conn.fetchval(q.lock_to_delete, run)
            if state is None:
                raise no_run(info.run_id)
            if state == RunState.RUNNING:
                hint = "wait until it is over, or cancel it: `headwater run cancel`"
                text = f"run {info.run_id} of {info.flow} is still running"
                raise FailedPrecondition(text, field="run_id", reason="RUN_NOT_OVER", hint=hint)
            if still is not None and not await still(tx):
                return False
            heirs = [str(row["run_id"]) for row in await tx.conn.fetch(q.heirs, run)]
            for statement in (q.delete_arrivals, q.delete_splits, q.delete_tasks):
                await tx.conn.execute(statement, run)
            at: Any = await tx.conn.fetchval(q.delete_run, run)
            tx.add(facts.run_deleted(info, at, actor=actor, reason=reason, heirs=heirs))
        self._store.forget(info.run_id)
        return True

    async def deleted(self, run: uuid.UUID) -> tuple[str, str] | None:
        """(project, flow) of a run that was deleted."""
        row = await self._store.database.fetchrow(q.find_deleted, run)
        return (row["project"], row["flow"]) if row else None
