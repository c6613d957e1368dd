"""Runs of other places, as they were there: with their own ids, times and users."""

from datetime import datetime
from typing import Any

from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.errors import AlreadyExists, FailedPrecondition, InvalidArgument
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.rpc import Call
from headwater_server.tracking import limits, messages
from headwater_server.tracking.store import NewRun, Store, no_run, q

_GOING_ON = (pb.TRACKED_RUN_STATE_RUNNING, pb.TRACKED_RUN_STATE_SCHEDULED)


class ImportApi:
    def __init__(self, outbox: Outbox, store: Store) -> None:
        self._outbox, self._store = outbox, store

    async def import_tracked_run(self, request: pb.ImportTrackedRunRequest, call: Call) -> pb.ImportTrackedRunResponse:
        run = limits.check_run_id(request.run_id)
        limits.check_name(request.experiment, "experiment")
        limits.check_name(request.name, "name")
        limits.check_name(request.user or "-", "user")
        tags = limits.check_texts(request.tags, "tag", field="tags")
        started, finished = _times(request)
        parent = None
        if request.parent_run_id:
            parent = await self._store.locate(
                limits.check_run_id(request.parent_run_id, "parent_run_id"), "parent_run_id"
            )
            if parent.project != request.project:
                raise no_run(request.parent_run_id, "parent_run_id")
        keys = await self._store.ensure_keys(tags)
        async with self._outbox.transaction() as tx:
            experiment = await self._store.ensure_experiment(tx, request.project, request.experiment)
            new = NewRun(
                run, request.project, experiment, request.name, request.state, parent.id if parent else None, started,
                finished,
            )  # fmt: skip
            made = await self._store.create_run(tx, new)
            if made is not None:
                await self._store.add_texts(tx, made, keys, {}, tags)
            row = await tx.conn.fetchrow(
                q.import_run, run, request.project, request.name, request.state, started, finished, request.user
            )
            if row is None:
                raise await self._refusal(tx, run, request)
        for loaded in await self._store.load([row["id"]]):
            return pb.ImportTrackedRunResponse(run=messages.tracked_run(loaded), created=made is not None)
        raise no_run(request.run_id, "run_id")

    async def _refusal(self, tx: Any, run: Any, request: pb.ImportTrackedRunRequest) -> Exception:
        if await self._store.was_deleted(tx, run):
            hint = "what was deleted for good comes under another id only"
            return FailedPrecondition(f"run_id: {request.run_id} was deleted here", field="run_id", hint=hint)
        hint = "compute the id from the project and from the id that the run had"
        return AlreadyExists(f"run_id: {request.run_id} is taken", field="run_id", hint=hint)


def _times(request: pb.ImportTrackedRunRequest) -> tuple[datetime, datetime | None]:
    if request.state not in pb.TrackedRunState.values() or not request.state:
        hint = f"one of {', '.join(pb.TrackedRunState.keys()[1:])}"
        raise InvalidArgument(f"state: {request.state} is not a state", field="state", hint=hint)
    if not request.HasField("started_at"):
        raise InvalidArgument("started_at: is missing", field="started_at", hint="when the run began")
    over = request.state not in _GOING_ON
    if over != request.HasField("finished_at"):
        hint = "a run that is over has an end, one that goes on has none"
        raise InvalidArgument("finished_at: does not fit the state", field="finished_at", hint=hint)
    started = messages.moment(request.started_at, "started_at")
    return started, messages.moment(request.finished_at, "finished_at") if over else None
