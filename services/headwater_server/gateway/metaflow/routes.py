"""The routes of the metadata service below /metaflow: each reads its request, calls the scheduler, answers its JSON.

METAFLOW_SERVICE_URL is http://<gateway>/metaflow; the token comes as `Authorization: Bearer` in
METAFLOW_SERVICE_HEADERS, or as METAFLOW_SERVICE_AUTH_KEY. A token for all projects names one in X-Headwater-Project.
"""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
from starlette.responses import Response

from headwater.api.scheduler.v1 import metaflow_pb2 as pb
from headwater_server.gateway.metaflow.bodies import Artifact, Datum, Mutation, NewObject, decoded, millis, text
from headwater_server.gateway.request import HttpError, Request, answer, answer_json
from headwater_server.gateway.rest.reading import grouped, integer
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.service import ServiceKit

PREFIX = "/metaflow"
# Of the real service: from 2.5.0 on a client trusts it with heartbeats, attempts, tags and filtered tasks.
VERSION = "2.5.0"
PROJECT = "x-headwater-project"
MOST_ATTEMPTS = 1_000_000
Handler = Callable[[Request], Awaitable[Response]]
_FLOW = "/flows/{flow}"
_RUN = f"{_FLOW}/runs/{{run}}"
_STEP = f"{_RUN}/steps/{{step}}"
_TASK = f"{_STEP}/tasks/{{task}}"
_FLOWS, _RUNS, _STEPS = pb.METAFLOW_KIND_FLOW, pb.METAFLOW_KIND_RUN, pb.METAFLOW_KIND_STEP
_TASKS, _METADATA, _ARTIFACTS = pb.METAFLOW_KIND_TASK, pb.METAFLOW_KIND_METADATA, pb.METAFLOW_KIND_ARTIFACT
_READS: tuple[tuple[str, Any], ...] = (
    ("/flows", _FLOWS),
    (_FLOW, _FLOWS),
    (f"{_FLOW}/runs", _RUNS),
    (_RUN, _RUNS),
    (f"{_RUN}/metadata", _METADATA),
    (f"{_RUN}/artifacts", _ARTIFACTS),
    (f"{_RUN}/steps", _STEPS),
    (_STEP, _STEPS),
    (f"{_STEP}/artifacts", _ARTIFACTS),
    (f"{_STEP}/tasks", _TASKS),
    (_TASK, _TASKS),
    (f"{_TASK}/metadata", _METADATA),
    (f"{_TASK}/artifacts", _ARTIFACTS),
    (f"{_TASK}/attempt/{{attempt}}/artifacts", _ARTIFACTS),
    (f"{_TASK}/artifacts/{{artifact}}", _ARTIFACTS),
    (f"{_TASK}/artifacts/{{artifact}}/attempt/{{attempt}}", _ARTIFACTS),
)


class Metaflow:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._kit = kit

    def routes(self) -> Iterator[tuple[str, str, str, Handler]]:
        """(verb, path, action, handler) of each."""
        yield "GET", f"{PREFIX}/ping", "", self._ping
        for path, kind in _READS:
            yield "GET", PREFIX + path, "runs:read", self._reader(kind)
        yield "GET", f"{PREFIX}{_STEP}/filtered_tasks", "runs:read", self._filtered
        writes: tuple[tuple[str, str, Handler], ...] = (
            ("POST", _FLOW, self._adder(_FLOWS)),
            ("POST", f"{_FLOW}/run", self._adder(_RUNS)),
            ("POST", f"{_STEP}/step", self._adder(_STEPS)),
            ("POST", f"{_STEP}/task", self._adder(_TASKS)),
            ("POST", f"{_TASK}/metadata", self._add_metadata),
            ("POST", f"{_TASK}/artifact", self._add_artifacts),
            ("POST", f"{_RUN}/heartbeat", self._beat),
            ("POST", f"{_TASK}/heartbeat", self._beat),
            ("PATCH", f"{_RUN}/tag/mutate", self._tag),
        )
        for verb, path, handler in writes:
            yield verb, PREFIX + path, "runs:write", handler

    async def _call(self, request: Request, method: str, message: Any) -> Any:
        message.project = request.headers.get(PROJECT, "")
        call = getattr(self._kit.client("scheduler"), method)
        return await call(message, timeout=30.0, on_behalf=request.identity, traceparent=request.traceparent)

    async def _ping(self, request: Request) -> Response:
        return answer(b"pong", media="text/plain", headers={"METADATA_SERVICE_VERSION": VERSION})

    def _reader(self, kind: Any) -> Handler:
        async def read(request: Request) -> Response:
            message = pb.ReadMetaflowRequest(path=_path(request), kind=kind)
            if "attempt" in request.path:
                message.attempt = integer("attempt", request.path["attempt"], 0, MOST_ATTEMPTS)
            return answer((await self._call(request, "ReadMetaflow", message)).json)

        return read

    async def _filtered(self, request: Request) -> Response:
        query = {name: values[-1] for name, values in grouped(request.query).items()}
        field, pattern = query.get("metadata_field_name", ""), query.get("pattern", "")
        message = pb.FilterMetaflowTasksRequest(path=_path(request), field_name=field, pattern=pattern)
        return answer_json(list((await self._call(request, "FilterMetaflowTasks", message)).pathspecs))

    def _adder(self, kind: Any) -> Handler:
        async def add(request: Request) -> Response:
            body = decoded(await request.body(), NewObject)
            path = _path(request)
            if kind == _RUNS:
                path.run = text(body.run_number)
            if kind == _TASKS:
                path.task = text(body.task_id)
            message = pb.RegisterMetaflowRequest(
                path=path,
                kind=kind,
                user_name=body.user_name or "",
                tags=body.tags or [],
                system_tags=body.system_tags or [],
                ts_epoch=millis(body.ts_epoch),
            )
            return answer((await self._call(request, "RegisterMetaflow", message)).json)

        return add

    async def _add_metadata(self, request: Request) -> Response:
        data = [
            pb.MetaflowDatum(
                field_name=d.field_name,
                value=text(d.value),
                type=d.type or "",
                user_name=d.user_name or "",
                ts_epoch=millis(d.ts_epoch),
                tags=d.tags or [],
            )
            for d in decoded(await request.body(), list[Datum])
        ]
        message = pb.AddMetaflowMetadataRequest(path=_path(request), data=data)
        return answer_json({"metadata_created": (await self._call(request, "AddMetaflowMetadata", message)).created})

    async def _add_artifacts(self, request: Request) -> Response:
        artifacts = [
            pb.MetaflowArtifact(
                name=a.name,
                sha=a.sha,
                type=a.type or "",
                content_type=a.content_type or "",
                ds_type=a.ds_type or "",
                location=a.location or "",
                attempt=a.attempt_id,
                user_name=a.user_name or "",
                ts_epoch=millis(a.ts_epoch),
            )
            for a in decoded(await request.body(), list[Artifact])
        ]
        message = pb.AddMetaflowArtifactsRequest(path=_path(request), artifacts=artifacts)
        return answer_json({"artifacts_created": (await self._call(request, "AddMetaflowArtifacts", message)).created})

    async def _beat(self, request: Request) -> Response:
        """The body says nothing, not even what it is. The answer is JSON in a JSON text: clients decode it twice."""
        reply = await self._call(request, "BeatMetaflow", pb.BeatMetaflowRequest(path=_path(request)))
        return answer_json(msgspec.json.encode({"wait_time_in_seconds": reply.wait_seconds}).decode())

    async def _tag(self, request: Request) -> Response:
        body = decoded(await request.body(), Mutation)
        message = pb.TagMetaflowRunRequest(path=_path(request), add=body.tags_to_add, remove=body.tags_to_remove)
        try:
            reply = await self._call(request, "TagMetaflowRun", message)
        except InvalidArgument as error:
            if error.reason != "SYSTEM_TAG":
                raise
            raise HttpError(422, error.message, field=error.field, reason=error.reason) from None
        return answer_json({"tags": list(reply.tags)})


def _path(request: Request) -> pb.MetaflowPath:
    return pb.MetaflowPath(**{name: value for name, value in request.path.items() if name != "attempt"})
