"""The RPCs about what is kept: deleting a run, and the rule of a project by which runs are deleted."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.duration_pb2 import Duration

from headwater.api.scheduler.v1 import retention_pb2 as pb
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.rpc import Call
from headwater_server.scheduler import messages
from headwater_server.scheduler.assignments import RunInfo
from headwater_server.scheduler.deletion import Deletion
from headwater_server.scheduler.retention import Retention

MOST_REASON = 1000


class KeepingApi:
    def __init__(
        self, deletion: Deletion, retention: Retention, find: Callable[[str, Call], Awaitable[RunInfo]]
    ) -> None:
        """find(text, call): the run that a caller names and may see."""
        self._deletion, self._retention, self._find = deletion, retention, find

    async def delete_run(self, request: pb.DeleteRunRequest, call: Call) -> pb.DeleteRunResponse:
        if len(request.reason) > MOST_REASON or "\0" in request.reason:
            raise InvalidArgument(f"reason: more than {MOST_REASON} characters, or a NUL", field="reason")
        try:
            info = await self._find(request.run_id, call)
            await self._deletion.delete(info, request.reason or f"deleted by {call.actor.name}", actor_json(call))
        except NotFound:
            return await self._before(request.run_id, call)
        return pb.DeleteRunResponse(run_id=info.run_id, flow=info.flow)

    async def _before(self, text: str, call: Call) -> pb.DeleteRunResponse:
        """The answer to a request that is repeated. Raises NotFound."""
        try:
            run = uuid.UUID(text)
        except ValueError:
            run = None
        found = await self._deletion.deleted(run) if run else None
        if run is None or found is None or call.project not in ("*", found[0]):
            hint = "`headwater runs` lists them"
            raise NotFound(f"there is no run {text!r}", field="run_id", hint=hint, reason="RUN_NOT_FOUND")
        return pb.DeleteRunResponse(run_id=str(run), flow=found[1])

    async def set_retention(self, request: pb.SetRetentionRequest, call: Call) -> pb.SetRetentionResponse:
        keep = request.keep_runs_for.ToTimedelta()
        await self._retention.set(request.project, keep, request.keep_last, actor_json(call))
        return pb.SetRetentionResponse(retention=await self._get(request.project))

    async def get_retention(self, request: pb.GetRetentionRequest, call: Call) -> pb.GetRetentionResponse:
        return pb.GetRetentionResponse(retention=await self._get(request.project))

    async def delete_retention(self, request: pb.DeleteRetentionRequest, call: Call) -> pb.DeleteRetentionResponse:
        await self._retention.unset(request.project)
        return pb.DeleteRetentionResponse()

    async def _get(self, project: str) -> pb.Retention | None:
        found = await self._retention.get(project)
        if found is None:
            return None
        row, due = found
        keep = Duration()
        keep.FromTimedelta(row["keep_for"])
        return pb.Retention(
            project=project,
            keep_runs_for=keep,
            keep_last=row["keep_last"],
            set_at=timestamp(row["set_at"]),
            set_by=messages.actor(row["set_by"]),
            due=due,
        )


def actor_json(call: Call) -> dict[str, Any]:
    return {"kind": call.actor.kind, "name": call.actor.name, "runId": call.actor.run_id}
