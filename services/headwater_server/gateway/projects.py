"""The RPCs of projects. What a project holds lies with the other services: they are asked to list and to empty it.

The scheduler comes first: it tells of each run that goes, so what a process that dies in between leaves, the next
attempt removes.
"""

import asyncio
from typing import Any

import asyncpg

from headwater.api.artifact.v1 import upkeep_pb2 as artifact
from headwater.api.common.v1 import common_pb2
from headwater.api.gateway.v1 import projects_pb2 as pb
from headwater.api.registry.v1 import upkeep_pb2 as registry
from headwater.api.scheduler.v1 import retention_pb2 as scheduler
from headwater.api.tracking.v1 import upkeep_pb2 as tracking
from headwater_server.gateway import tokens
from headwater_server.gateway.store import Store
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from headwater_server.kit.hints import did_you_mean
from headwater_server.kit.identity import Authenticator, Peers
from headwater_server.kit.rpc import Call

DEFAULT = "default"
HOLDERS: dict[str, Any] = {"scheduler": scheduler, "tracking": tracking, "artifact": artifact, "registry": registry}
TIMEOUT = 60.0
MOST_DESCRIPTION = 1000


class ProjectApi:
    def __init__(self, peers: Peers, store: Store, authenticator: Authenticator) -> None:
        self._peers, self._store, self._authenticator = peers, store, authenticator

    async def create_project(self, request: pb.CreateProjectRequest, call: Call) -> pb.CreateProjectResponse:
        name = _check_name(request.name)
        call.require(name)
        if len(request.description) > MOST_DESCRIPTION or "\0" in request.description:
            text = f"description: more than {MOST_DESCRIPTION} characters, or a NUL"
            raise InvalidArgument(text, field="description")
        by = {"kind": call.actor.kind, "name": call.actor.name}
        row = await self._store.create_project(name, request.description, by)
        if row is None:
            hint = "`headwater projects list` has them"
            raise AlreadyExists(f"name: project {name!r} exists", field="name", hint=hint)
        return pb.CreateProjectResponse(project=_project(row))

    async def list_projects(self, request: pb.ListProjectsRequest, call: Call) -> pb.ListProjectsResponse:
        return pb.ListProjectsResponse(projects=await self._seen(call))

    async def reset_project(self, request: pb.ResetProjectRequest, call: Call) -> pb.ResetProjectResponse:
        removed = await self._empty(request.project, call)
        if not removed:
            await self._must_be_there(request.project, call)
        return pb.ResetProjectResponse(removed=removed)

    async def delete_project(self, request: pb.DeleteProjectRequest, call: Call) -> pb.DeleteProjectResponse:
        if request.project == DEFAULT:
            hint = "`headwater projects reset default` empties it"
            raise FailedPrecondition(f"project {DEFAULT!r} is always there", field="project", hint=hint)
        removed = await self._empty(request.project, call)
        created, hashes = await self._store.delete_project(request.project)
        for hashed in hashes:
            self._authenticator.forget(hashed)
        if not (removed or created or hashes):
            await self._must_be_there(request.project, call)
        return pb.DeleteProjectResponse(removed=removed)

    async def _seen(self, call: Call) -> list[pb.Project]:
        """Those that were created, and those that hold something."""
        answers = await asyncio.gather(
            *(self._peers.client(name).ListProjects(api.ListProjectsRequest()) for name, api in HOLDERS.items())
        )
        found = {row["name"]: _project(row) for row in await self._store.projects()}
        for name in {DEFAULT, *(each for answer in answers for each in answer.projects)}:
            found.setdefault(name, pb.Project(name=name))
        return [found[name] for name in sorted(found) if call.project in ("*", name)]

    async def _must_be_there(self, project: str, call: Call) -> None:
        names = [each.name for each in await self._seen(call)]
        if project not in names:
            text = f"there is no project {project!r}"
            raise NotFound(text, field="project", hint=did_you_mean(project, names), reason="PROJECT_NOT_FOUND")

    async def _empty(self, project: str, call: Call) -> dict[str, int]:
        first = await self._ask("scheduler", scheduler.EmptyProjectRequest(project=project), call)
        others = [
            self._ask(name, api.EmptyProjectRequest(project=project, run_ids=first.run_ids), call)
            for name, api in HOLDERS.items()
            if name != "scheduler"
        ]
        removed = dict(first.removed)
        for answer in await asyncio.gather(*others):
            removed |= answer.removed
        return removed

    async def _ask(self, service: str, request: Any, call: Call) -> Any:
        """As ourselves: the caller was checked."""
        client = self._peers.client(service)
        return await client.EmptyProject(request, timeout=TIMEOUT, traceparent=call.traceparent)


def _check_name(text: str) -> str:
    if text == "*":
        raise InvalidArgument('name: "*" stands for all projects', field="name", hint="choose another name")
    return tokens.check_project(text)


def _project(row: asyncpg.Record) -> pb.Project:
    return pb.Project(
        name=row["name"],
        description=row["description"],
        created_at=timestamp(row["created_at"]),
        created_by=common_pb2.Actor(**row["created_by"]),
    )
