"""Gangs: the tasks of a `num_parallel` step, which start together, and of which none goes on without the others.

When one fails, or is lost with its worker, all that run are stopped and all begin anew.
"""

from typing import Any

from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.scheduler.assignments import RunInfo, key_json
from headwater_server.scheduler.endings import Endings, Held
from headwater_server.scheduler.keys import Key
from headwater_server.scheduler.states import TaskState
from headwater_server.scheduler.store import q


class Gangs:
    def __init__(self, endings: Endings) -> None:
        self._endings = endings

    async def restart(
        self,
        tx: OutboxTransaction,
        info: RunInfo,
        member: Key,
        delay: float,
        *,
        retry: bool,
        failure: dict[str, Any] | None = None,
        caught: bool = False,
        lost: bool = False,
    ) -> None:
        """retry: @retry pays for it; caught: only @catch is left to carry out; lost: a worker vanished with this
        member. The run is locked."""
        where = member.run_id, member.step, member.path
        held: Held = {}
        for row in await tx.conn.fetch(q.read_gang, *where):
            if row["state"] == TaskState.DISPATCHED and row["session_id"] is not None and row["index"] != member.index:
                key = info.plan.key(member.run_id, member.step, member.path, row["index"])
                told = held.setdefault((row["pool"], str(row["session_id"])), [])
                told.append({"key": key_json(key), "attempt": row["attempt"]})
        await tx.conn.execute(q.restart_gang, *where, delay, retry, caught, failure, member.index if lost else -1)
        if not caught:
            split = info.plan.parent_of(member, info.plan[member.step].opens[-1])
            assert split is not None
            await tx.conn.execute(q.reset_split, split.run_id, split.step, split.path, split.index)
        tx.after_commit(lambda: self._endings.tell(held))
