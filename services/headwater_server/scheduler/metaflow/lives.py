"""The state of runs that their clients execute: it follows from what they register, and from their silence.

A step's attempt is done when its artifacts are known, a run when that happens to its last step. A client that dies
says nothing: a run without a sign of life for a lease is failed, and lives again should its client speak after all.
"""

import asyncio
import time
import uuid
from typing import Any

import structlog

from headwater.api.scheduler.v1 import metaflow_pb2 as pb
from headwater_server.kit.clock import now
from headwater_server.kit.database import CONFLICT, LOST
from headwater_server.kit.errors import InvalidArgument, Unavailable
from headwater_server.kit.ids import uuid7
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.scheduler import facts
from headwater_server.scheduler.metaflow import observed
from headwater_server.scheduler.metaflow.manifest import manifest_of
from headwater_server.scheduler.metaflow.objects import Objects, Run, Task, check_brought, exists, run_of
from headwater_server.scheduler.metaflow.observed import Observed, key_of
from headwater_server.scheduler.states import RunState, TaskState
from headwater_server.scheduler.store import Store, q

log = structlog.get_logger("scheduler.metaflow")
PERIOD = 0.5
MOST_TOUCHED = 10_000
# Before its first heartbeat a client may have much to clone; who brings names for runs may never send any.
FIRST_SILENCE, NAMED_SILENCE = 60.0, 3600.0


class Lives:
    def __init__(self, outbox: Outbox, store: Store, objects: Objects, *, beat: float, lease: float) -> None:
        """beat: seconds between heartbeats; lease: seconds of silence after which a client is gone."""
        self.outbox, self._store, self.objects = outbox, store, objects
        self.beat, self._lease = beat, lease
        self._hearing_since = self._swept = time.time()
        self._touched: dict[int, float] = {}

    # What clients say

    async def begin(self, request: pb.RegisterMetaflowRequest, actor: dict[str, Any], role: str, trace: str) -> int:
        """A new run; its number. Raises AlreadyExists, InvalidArgument."""
        path = request.path
        check_brought("run_number", path.run)
        run_id = uuid7()
        async with self.outbox.transaction() as tx:
            values = (run_id, request.project, path.flow, list(request.tags), actor, role, trace)
            row = await tx.conn.fetchrow(q.mf_insert_run, *values)
            assert row is not None
            values = (run_id, request.project, path.flow, path.run or None, request.user_name or None, request.ts_epoch)
            first = NAMED_SILENCE if path.run else FIRST_SILENCE
            number = await tx.conn.fetchval(q.mf_add_run, *values, list(request.system_tags), max(self._lease, first))
            if number is None:
                raise exists("run", f"{path.flow}/{path.run}")
            info = await self._store.info(run_id, tx.conn)
            tx.add(facts.run_started(info, row["created_at"], 1))
        return number

    async def observe(self, run: Run, task: Task, data: list[dict[str, Any]], seen: Observed) -> None:
        """Metadata of a task: kept, and what it says about the task carried out, in one transaction."""
        if not seen.matters:
            await self._store.database.execute(q.mf_add_metadata, task.task_id, data)
            await self.touch(run)
            return
        origin = await self._origin(run, seen)
        async with self.outbox.transaction() as tx:
            await self._lock(tx, run)
            await tx.conn.execute(q.mf_add_metadata, task.task_id, data)
            if origin is not None:
                await tx.conn.execute(q.mf_set_origin, run.run_id, origin)
            if seen.end_step and task.step == observed.PARAMETERS:
                await tx.conn.execute(q.mf_set_end_step, run.number, seen.end_step)
            if task.step != observed.PARAMETERS:
                await self._attempts(tx, run, task, seen, origin if seen.cloned else None)
            await self._extend(tx.conn, run)

    async def finish_attempt(self, run: Run, task: Task, rows: list[dict[str, Any]]) -> None:
        """Artifacts of an attempt: the last thing that a client says of it."""
        async with self.outbox.transaction() as tx:
            await self._lock(tx, run)
            await tx.conn.execute(q.mf_add_artifacts, task.task_id, rows)
            attempts = {row["attempt"] for row in rows}
            if task.step != observed.PARAMETERS and len(attempts) == 1:
                await self._done(tx, run, task, attempts.pop())
            await self._extend(tx.conn, run)

    async def beat_run(self, run: Run) -> None:
        await self._store.database.execute(q.mf_beat_run, run.number)
        await self.touch(run)

    async def beat_task(self, run: Run, task: Task) -> None:
        await self._store.database.execute(q.mf_beat_task, task.task_id)
        await self.touch(run)

    async def touch(self, run: Run) -> None:
        """A sign of life. Of many within a second, one is enough."""
        await self._back(run)
        if time.monotonic() - self._touched.get(run.number, 0.0) > 1:
            await self._extend(self._store.database, run)

    async def _extend(self, conn: Any, run: Run) -> None:
        first = NAMED_SILENCE if run.name else FIRST_SILENCE
        rule, short = self._lease, min(self._lease, 1.5 * self.beat + 1)
        await conn.execute(q.mf_extend, run.number, rule, short, max(rule, first))
        if len(self._touched) > MOST_TOUCHED:
            self._touched.clear()
        self._touched[run.number] = time.monotonic()

    # What follows

    async def _origin(self, run: Run, seen: Observed) -> uuid.UUID | None:
        if not seen.origin or len(seen.origin) > 500:
            return None
        try:
            path = pb.MetaflowPath(flow=run.flow, run=seen.origin)
            return (await self.objects.run(run.project, path)).run_id
        except Exception:
            return None  # it is resumed from another store

    async def _lock(self, tx: OutboxTransaction, run: Run) -> None:
        row = await tx.conn.fetchrow(q.mf_lock_run, run.number)
        if row is not None and _lost(row["state"], row["failure"]):
            await self._revive(tx, run)

    async def _back(self, run: Run) -> None:
        if _lost(run.state, run.failure):
            async with self.outbox.transaction() as tx:
                await self._lock(tx, run)

    async def _revive(self, tx: OutboxTransaction, run: Run) -> None:
        if await tx.conn.fetchval(q.mf_revive_run, run.run_id) is not None:
            log.info("client is back", run=str(run.run_id))
            await tx.conn.execute(q.mf_revive_lease, run.number, self._lease)
            await tx.conn.execute(q.mf_revive_tasks, run.number)
            info = await self._store.info(str(run.run_id), tx.conn)
            tx.add(facts.run_revived(info, now(), await self._seq(tx, run)))

    async def retag(self, tx: OutboxTransaction, run: Run, before: list[str], tags: list[str]) -> None:
        """The tags that users have given become others."""
        version = await tx.conn.fetchval(q.set_tags, run.run_id, tags)
        info = await self._store.info(str(run.run_id), tx.conn)
        tx.add(facts.tags_changed(info, now(), before, tags, int(version or 0)))
        tx.after_commit(lambda: self._store.forget(str(run.run_id)))

    async def _attempts(
        self, tx: OutboxTransaction, run: Run, task: Task, seen: Observed, origin: uuid.UUID | None
    ) -> None:
        info, key = await self._about(tx, run, task)
        if seen.began is not None:
            at = await tx.conn.fetchval(q.mf_begin_attempt, task.task_id, seen.began, origin)
            if at is not None and not seen.cloned:
                tx.add(facts.task_started(info, key, seen.began + 1, at, await self._seq(tx, run)))
        if seen.ended is None:
            return
        if seen.ok:
            await tx.conn.execute(q.mf_attempt_ok, task.task_id, seen.ended)
            return
        failure = observed.step_failed(task.step, seen.ended, run.exposed, task.exposed)
        at = await tx.conn.fetchval(q.mf_attempt_failed, task.task_id, seen.ended, failure)
        if at is not None:
            seq = await self._seq(tx, run)
            tx.add(facts.task_failed(info, key, seen.ended + 1, at, seq, failure=failure, will_retry=False))

    async def _done(self, tx: OutboxTransaction, run: Run, task: Task, attempt: int) -> None:
        row = await tx.conn.fetchrow(q.mf_attempt_done, task.task_id, attempt)
        if row is None:
            return
        info, key = await self._about(tx, run, task)
        result = manifest_of(await tx.conn.fetch(q.mf_new_artifacts, task.task_id, attempt, run.number))
        tx.add(
            facts.task_succeeded(
                info, key, attempt + 1, row["finished_at"], await self._seq(tx, run), result=result,
                started_at=row["started_at"], origin_run_id=str(row["origin_run_id"] or ""),
            )
        )  # fmt: skip
        if task.step == run.end_step:
            await self._end(tx, run, RunState.SUCCEEDED, "run.succeeded")

    async def _end(
        self, tx: OutboxTransaction, run: Run, state: RunState, kind: str, failure: Any = None, **more: Any
    ) -> None:
        row = await tx.conn.fetchrow(q.finish_run, run.run_id, int(state), failure)
        await tx.conn.execute(q.mf_run_over, run.number)
        if row is not None:
            info = await self._store.info(str(run.run_id), tx.conn)
            order = (info, row["finished_at"], row["event_seq"], row["created_at"])
            tx.add(facts.run_over(kind, *order, failure=failure, **more))

    async def _about(self, tx: OutboxTransaction, run: Run, task: Task) -> tuple[Any, Any]:
        run_id = str(run.run_id)
        return await self._store.info(run_id, tx.conn), key_of(run_id, task.step, task.task_id, task.name)

    async def _seq(self, tx: OutboxTransaction, run: Run) -> int:
        return int(await tx.conn.fetchval(q.next_seq, run.run_id, 1) or 0)

    # Silence

    async def sweep_loop(self) -> None:
        while True:
            try:
                if self._hears():
                    for row in await self._store.database.fetch(q.mf_silent_runs):
                        await self._fail_silent(row["run_number"])
            except (*LOST, *CONFLICT, Unavailable) as error:
                self._hearing_since = time.time()
                log.warning("sweep waits", error=str(error))
            await asyncio.sleep(PERIOD)

    def _hears(self) -> bool:
        """Silence means something only to one who could have heard for a lease."""
        at = time.time()
        if at - self._swept > PERIOD + self.beat:
            self._hearing_since = at
        self._swept = at
        return at - self._hearing_since > self._lease

    async def _fail_silent(self, number: int) -> None:
        async with self.outbox.transaction() as tx:
            row = await tx.conn.fetchrow(q.mf_lock_run, number)
            if row is None or await tx.conn.fetchval(q.mf_still_silent, number) is None:
                return
            run = run_of(row)
            if run.state != RunState.RUNNING:
                await tx.conn.execute(q.mf_run_over, number)
                return
            failed = await tx.conn.fetchrow(q.mf_last_failure, number)
            lost = observed.client_lost(self._lease)
            if failed is None:
                await tx.conn.execute(q.mf_stop_tasks, number, int(TaskState.FAILED), lost)
                await self._end(tx, run, RunState.FAILED, "run.failed", lost)
                return
            await tx.conn.execute(q.mf_stop_tasks, number, int(TaskState.CANCELLED), None)
            task = failed["name"] or str(failed["task_id"])
            await self._end(tx, run, RunState.FAILED, "run.failed", failed["failure"], step=failed["step"], taskId=task)


def _lost(state: int, failure: dict[str, Any] | None) -> bool:
    return state == RunState.FAILED and bool(failure) and (failure or {}).get("code") == observed.LOST


def check_number(field: str, value: int, most: int = 1_000_000) -> int:
    if not 0 <= value <= most:
        raise InvalidArgument(f"{field}: {value} is not within 0 and {most:,}", field=field)
    return value
