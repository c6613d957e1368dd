"""How a run ends otherwise than by its last step: a task failed for good, or somebody cancelled it.

One transaction makes it final, stops what is left, and says so; afterwards the workers are told to drop their tasks.
"""

import asyncio
from typing import Any

import msgspec
import structlog

from headwater_server.kit.bus import Bus
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.scheduler import facts
from headwater_server.scheduler.assignments import RunInfo, key_json
from headwater_server.scheduler.keys import Key
from headwater_server.scheduler.states import RunState
from headwater_server.scheduler.store import q

log = structlog.get_logger("scheduler.endings")
# (pool, session) → attempts to drop
Held = dict[tuple[str, str], list[dict[str, Any]]]


class Endings:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._telling: set[asyncio.Task[None]] = set()

    async def fail(self, tx: OutboxTransaction, info: RunInfo, failure: dict[str, Any], key: Key) -> None:
        """Ends the run because of one task."""
        row = await self._end(tx, info, RunState.FAILED, failure)
        if row is not None:
            more = {"failure": failure, "step": key.step, "taskId": key.task_id}
            tx.add(facts.run_over("run.failed", info, row["finished_at"], row["event_seq"], row["created_at"], **more))

    async def cancel(self, tx: OutboxTransaction, info: RunInfo, reason: str, actor: dict[str, Any]) -> bool:
        """False: it was over already."""
        failure = {"code": "CANCELLED", "message": reason, "retryable": False}
        row = await self._end(tx, info, RunState.CANCELLED, failure)
        if row is None:
            return False
        more = {"reason": reason, "actor": actor}
        tx.add(facts.run_over("run.cancelled", info, row["finished_at"], row["event_seq"], row["created_at"], **more))
        return True

    async def _end(self, tx: OutboxTransaction, info: RunInfo, state: RunState, failure: dict[str, Any]) -> Any:
        row = await tx.conn.fetchrow(q.finish_run, info.run_id, int(state), failure)
        if row is None:
            return None
        held: Held = {}
        for task in await tx.conn.fetch(q.stop_tasks, info.run_id):
            if task["session_id"] is not None:
                try:
                    key = info.plan.key(info.run_id, task["step"], task["path"], task["index"])
                except (KeyError, ValueError):
                    continue
                told = held.setdefault((task["pool"], str(task["session_id"])), [])
                told.append({"key": key_json(key), "attempt": task["attempt"]})
        await tx.conn.execute(q.stop_splits, info.run_id)
        tx.after_commit(lambda: self.tell(held))
        return row

    def tell(self, held: Held) -> None:
        """A signal that gets lost is repeated with the worker's next heartbeat."""
        for (pool, session), attempts in held.items():
            task = asyncio.create_task(self.drop(pool, session, attempts))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def drop(self, pool: str, session: str, attempts: list[dict[str, Any]]) -> None:
        body = msgspec.json.encode({"cancel": attempts})
        try:
            await self._bus.publish(f"hw.ctl.v1.{pool}.{session}", body)
        except Exception as error:
            log.warning("cannot tell a worker", session=session, error=str(error))
