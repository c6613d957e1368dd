"""The RPCs about runs of Metaflow clients: check what was sent and who asks, call the domain, answer. No SQL here."""

from typing import Any

from headwater.api.scheduler.v1 import metaflow_pb2 as pb
from headwater_server.kit.errors import FailedPrecondition, InvalidArgument
from headwater_server.kit.hints import shown
from headwater_server.kit.rpc import Call
from headwater_server.scheduler.metaflow.lives import Lives, check_number
from headwater_server.scheduler.metaflow.objects import Run, check_path
from headwater_server.scheduler.metaflow.observed import observe
from headwater_server.scheduler.states import RunState
from headwater_server.scheduler.store import q
from headwater_server.scheduler.tags import check_size, check_tags

MAX_EPOCH = 2**53


class MetaflowApi:
    """Part of the scheduler's servicer."""

    def __init__(self, lives: Lives) -> None:
        self._lives, self._objects = lives, lives.objects

    async def read_metaflow(self, request: pb.ReadMetaflowRequest, call: Call) -> pb.ReadMetaflowResponse:
        attempt = check_number("attempt", request.attempt) if request.HasField("attempt") else None
        found = await self._objects.read(request.project, request.path, request.kind, attempt)
        return pb.ReadMetaflowResponse(json=found.encode())

    async def filter_metaflow_tasks(
        self, request: pb.FilterMetaflowTasksRequest, call: Call
    ) -> pb.FilterMetaflowTasksResponse:
        run = await self._objects.run(request.project, request.path)
        found = await self._objects.filter_tasks(run, request.path, request.field_name, request.pattern)
        return pb.FilterMetaflowTasksResponse(pathspecs=found)

    async def register_metaflow(self, request: pb.RegisterMetaflowRequest, call: Call) -> pb.RegisterMetaflowResponse:
        check_path(request.path)
        check_tags([*request.tags, *request.system_tags])
        check_size(request.tags)
        check_number("ts_epoch", request.ts_epoch, MAX_EPOCH)
        return pb.RegisterMetaflowResponse(json=(await self._register(request, call)).encode())

    async def _register(self, request: pb.RegisterMetaflowRequest, call: Call) -> str:
        if request.kind == pb.METAFLOW_KIND_FLOW:
            return await self._objects.add_flow(request)
        if request.kind == pb.METAFLOW_KIND_RUN:
            number = await self._lives.begin(request, _actor(call), call.role, call.traceparent)
            path = pb.MetaflowPath(flow=request.path.flow, run=str(number))
            return await self._objects.read(request.project, path, pb.METAFLOW_KIND_RUN, None)
        run = await self._objects.run(request.project, request.path)
        _refuse_cancelled(run)
        await self._lives.touch(run)
        if request.kind == pb.METAFLOW_KIND_STEP:
            return await self._objects.add_step(run, request)
        if request.kind == pb.METAFLOW_KIND_TASK:
            return await self._objects.add_task(run, request)
        raise InvalidArgument("kind: only flows, runs, steps and tasks are registered", field="kind")

    async def add_metaflow_metadata(
        self, request: pb.AddMetaflowMetadataRequest, call: Call
    ) -> pb.AddMetaflowMetadataResponse:
        run, task = await self._objects.task(request.project, request.path)
        data = [_row(datum) | {"tags": list(datum.tags)} for datum in request.data]
        if data:
            await self._lives.observe(run, task, data, observe(request.data))
        return pb.AddMetaflowMetadataResponse(created=len(data))

    async def add_metaflow_artifacts(
        self, request: pb.AddMetaflowArtifactsRequest, call: Call
    ) -> pb.AddMetaflowArtifactsResponse:
        run, task = await self._objects.task(request.project, request.path)
        rows = [_row(each) for each in request.artifacts]
        if rows:
            await self._lives.finish_attempt(run, task, rows)
        return pb.AddMetaflowArtifactsResponse(created=len(rows))

    async def beat_metaflow(self, request: pb.BeatMetaflowRequest, call: Call) -> pb.BeatMetaflowResponse:
        if request.path.task:
            await self._lives.beat_task(*await self._objects.task(request.project, request.path))
        else:
            await self._lives.beat_run(await self._objects.run(request.project, request.path))
        return pb.BeatMetaflowResponse(wait_seconds=max(1, round(self._lives.beat)))

    async def tag_metaflow_run(self, request: pb.TagMetaflowRunRequest, call: Call) -> pb.TagMetaflowRunResponse:
        run = await self._objects.run(request.project, request.path)
        add, remove = list(request.add), list(request.remove)
        check_tags(add, "tags_to_add")
        check_tags(remove, "tags_to_remove")
        async with self._lives.outbox.transaction() as tx:
            row = await tx.conn.fetchrow(q.mf_lock_tags, run.run_id)
            assert row is not None
            for tag in remove:
                if tag in row["system_tags"]:
                    message = f"Cannot remove a tag that is an existing system tag: {shown(tag)}"
                    raise InvalidArgument(message, field="tags_to_remove", reason="SYSTEM_TAG")
            kept = [tag for tag in row["tags"] if tag not in remove]
            new = [tag for tag in dict.fromkeys(add) if tag not in kept and tag not in row["system_tags"]]
            check_tags([*kept, *new])
            check_size([*kept, *new], row["tags"], "tags_to_add")
            if [*kept, *new] != row["tags"]:
                await self._lives.retag(tx, run, row["tags"], [*kept, *new])
        return pb.TagMetaflowRunResponse(tags=[*kept, *new])


def _refuse_cancelled(run: Run) -> None:
    """How a client learns that its run was cancelled: the next step is refused, and it stops."""
    if run.state == RunState.CANCELLED:
        why = (run.failure or {}).get("message", "")
        raise FailedPrecondition(f"run {run.flow}/{run.exposed} was cancelled: {why}", field="run", reason="RUN_OVER")


def _row(message: Any) -> dict[str, Any]:
    """A datum or an artifact as a row; texts that Postgres could not keep are refused."""
    row = {f.name: getattr(message, f.name) for f in message.DESCRIPTOR.fields if f.name != "tags"}
    for name, value in row.items():
        if isinstance(value, str) and "\0" in value:
            raise InvalidArgument(f"{name}: holds a NUL character", field=name, hint="remove it")
    check_number("ts_epoch", row["ts_epoch"], MAX_EPOCH)
    check_number("attempt", row.get("attempt", 0))
    return row


def _actor(call: Call) -> dict[str, Any]:
    body = {"kind": call.actor.kind, "name": call.actor.name}
    return body | ({"runId": call.actor.run_id} if call.actor.run_id else {})
