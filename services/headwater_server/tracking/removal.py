"""Takes tracked runs and experiments away for good, on request and some time after MLflow's clients have deleted them.

Rows and the facts that tell of them go in one transaction per page of runs; repeating it finishes what a crash cut off.
Runs of flows are not taken here: they go when the scheduler deletes the flow's run (deletion.py).
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from headwater.api.common.v1 import common_pb2
from headwater.api.events.v1 import events_pb2
from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.auth import Actor
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import Aborted, FailedPrecondition, InvalidArgument
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.kit.rpc import Call
from headwater_server.tracking import limits
from headwater_server.tracking.deletion import ROWS
from headwater_server.tracking.store import DEFAULT_EXPERIMENT, Store, no_run, q

AT_ONCE = 200
MAX_REASON = 1000


class Removal:
    def __init__(self, outbox: Outbox, store: Store) -> None:
        self._outbox, self._store = outbox, store

    async def run(self, run: uuid.UUID, why: "Why", *, force: bool) -> int:
        """A run and those below it. Raises NotFound, FailedPrecondition."""
        async with self._outbox.transaction() as tx:
            below = await tx.conn.fetch(q.run_and_nested, run)
            rows = await tx.conn.fetch(q.runs_to_remove, [row["id"] for row in below])
            if not rows:
                raise no_run(run, "run_id")
            _check(rows, "run_id", force=force)
            await self._remove(tx, rows, why)
        return len(rows)

    async def experiment(self, row: Any, why: "Why", *, force: bool) -> int:
        """An experiment with all that is in it; how many runs. Raises FailedPrecondition."""
        async with self._outbox.transaction() as tx:
            blocking = await tx.conn.fetch(q.runs_in_the_way, row["id"], force)
            _check(blocking, "name", force=force)
            await tx.conn.execute(q.close_experiment, row["id"])
        gone = 0
        while count := await self._page(row["id"], why):
            gone += count
        async with self._outbox.transaction() as tx:
            await tx.conn.execute(q.remove_datasets, row["id"])
            await tx.conn.execute(q.remove_traces, row["id"])
            if await tx.conn.execute(q.remove_empty_experiment, row["id"]) != "DELETE 1":
                hint = "stop what logs to it, then delete it again"
                raise Aborted(f"name: runs are still made in experiment {row['name']!r}", field="name", hint=hint)
        return gone

    async def _page(self, experiment: int, why: "Why") -> int:
        async with self._outbox.transaction() as tx:
            ids = await tx.conn.fetch(q.some_runs_of_experiment, experiment, AT_ONCE)
            rows = await tx.conn.fetch(q.runs_to_remove, [row["id"] for row in ids])
            await self._remove(tx, rows, why)
        return len(rows)

    async def deleted(self, project: str, after: timedelta, why: "Why", *, dry_run: bool) -> tuple[int, int, bool]:
        """Purges what was deleted longer ago than `after` (project "*": of all): runs, experiments, is there more?"""
        rows = await self._store.fetch(q.runs_to_purge, project, after, AT_ONCE)
        experiments = await self._store.fetch(q.experiments_to_purge, project, after, AT_ONCE)
        more = len(rows) == AT_ONCE
        if dry_run:
            return len(rows), len(experiments), more
        gone = 0
        async with self._outbox.transaction() as tx:
            found = await tx.conn.fetch(q.runs_to_remove, [row["id"] for row in rows])
            await self._remove(tx, found, why)
            gone = len(found)
        emptied = 0
        if not more:
            for row in experiments:
                async with self._outbox.transaction() as tx:
                    await tx.conn.execute(q.remove_datasets, row["id"])
                    await tx.conn.execute(q.remove_traces, row["id"])
                    emptied += (await tx.conn.execute(q.remove_empty_experiment, row["id"])) == "DELETE 1"
        return gone, emptied, more

    async def _remove(self, tx: OutboxTransaction, rows: Sequence[Any], why: "Why") -> None:
        if not rows:
            return
        ids, uuids = [row["id"] for row in rows], [row["uuid"] for row in rows]
        await tx.conn.execute(q.note_deleted_runs, uuids)
        await tx.conn.execute(q.orphan_runs, ids)
        for statement in ROWS:
            await tx.conn.execute(statement, ids)
        at = timestamp()
        for row in rows:
            tx.emit(
                events_pb2.TrackedRunDeleted(
                    run_id=str(row["uuid"]), project=row["project"], experiment=row["experiment"], at=at,
                    actor=why.actor, reason=why.reason,
                ),
                traceparent=why.traceparent,
            )  # fmt: skip
        tx.after_commit(lambda: self._store.forget(uuids))


class Why:
    """Who has it taken away, and what for."""

    def __init__(self, actor: Actor, reason: str, traceparent: str = "") -> None:
        self.actor = common_pb2.Actor(kind=actor.kind, name=actor.name, run_id=actor.run_id)
        self.reason, self.traceparent = reason, traceparent


class RemovalApi:
    def __init__(self, removal: Removal, store: Store) -> None:
        self._removal, self._store = removal, store

    async def delete_tracked_run(self, request: pb.DeleteTrackedRunRequest, call: Call) -> pb.DeleteTrackedRunResponse:
        run = limits.check_run_id(request.run_id)
        ref = await self._store.locate(run)
        if call.project not in ("*", ref.project):
            raise no_run(request.run_id, "run_id")
        runs = await self._removal.run(run, _why(request.reason, call), force=request.force)
        return pb.DeleteTrackedRunResponse(runs=runs)

    async def delete_experiment(self, request: pb.DeleteExperimentRequest, call: Call) -> pb.DeleteExperimentResponse:
        row = await self._store.experiment(request.project, request.name)
        if row["name"] == DEFAULT_EXPERIMENT:
            hint = "delete its runs, or empty the project: `headwater projects reset`"
            text = f"name: the experiment {DEFAULT_EXPERIMENT!r} is always there"
            raise FailedPrecondition(text, field="name", hint=hint)
        runs = await self._removal.experiment(row, _why(request.reason, call), force=request.force)
        return pb.DeleteExperimentResponse(runs=runs)


def _why(reason: str, call: Call) -> Why:
    if len(reason) > MAX_REASON or "\0" in reason:
        text = f"reason: more than {MAX_REASON} characters, or a NUL"
        raise InvalidArgument(text, field="reason", hint="say it shorter")
    return Why(call.actor, reason, call.traceparent)


def _check(rows: Sequence[Any], field: str, *, force: bool) -> None:
    """Raises FailedPrecondition where one is of a flow, or still running."""
    for row in rows:
        if row["of_flow"]:
            text = f"{field}: {row['uuid']} is the run of a flow"
            hint = "`headwater runs delete` takes it away with its tasks, logs and artifacts"
            raise FailedPrecondition(text, field=field, hint=hint, reason="RUN_OF_FLOW")
        if row["state"] == pb.TRACKED_RUN_STATE_RUNNING and not force:
            text = f"{field}: run {row['uuid']} is still running"
            raise FailedPrecondition(text, field=field, hint="end it first, or say force", reason="RUN_NOT_OVER")
