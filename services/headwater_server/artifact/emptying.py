"""Empties a project: what is known of its artifacts, cards and files, its blobs, and the objects that users named.

The rows go in one transaction; the blobs are then nobody's, and the collector takes them: at once here, or later.
"""

import asyncio
import uuid
from datetime import timedelta

from headwater.api.artifact.v1 import upkeep_pb2 as pb
from headwater_server.artifact.collector import FIRST, Collector
from headwater_server.artifact.lineage.store import LineageStore
from headwater_server.artifact.store import Store
from headwater_server.artifact.uploads import Uploads
from headwater_server.artifact.user_objects import objects_root
from headwater_server.kit.clock import now
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.rpc import Call

NO_GRACE = timedelta(0)
AT_ONCE = 16


class EmptyingApi:
    def __init__(
        self, store: Store, objects: ObjectStore, collector: Collector, uploads: Uploads, lineage: LineageStore
    ) -> None:
        self._store, self._objects, self._collector, self._uploads = store, objects, collector, uploads
        self._lineage = lineage

    async def empty_project(self, request: pb.EmptyProjectRequest, call: Call) -> pb.EmptyProjectResponse:
        runs, at = [uuid.UUID(run) for run in request.run_ids], now()
        files = await self._store.empty(
            request.project, runs, lambda conn: self._lineage.empty(conn, request.project, runs, at)
        )
        removed = {"files": files, "blobs": await self._blobs(request.project)}
        await self._uploads.forget_project(request.project)
        removed["objects"] = await self._user_objects(request.project)
        return pb.EmptyProjectResponse(removed={name: count for name, count in removed.items() if count})

    async def list_projects(self, request: pb.ListProjectsRequest, call: Call) -> pb.ListProjectsResponse:
        return pb.ListProjectsResponse(projects=await self._store.projects())

    async def _blobs(self, project: str) -> int:
        """Their rows, now; the objects are removed soon."""
        after, more, count = FIRST, True, 0
        while more:
            idle, blobs, _, more = await self._collector.take(project, after, NO_GRACE)
            count += blobs
            after = (idle[-1].project, idle[-1].digest) if idle else after
        return count

    async def _user_objects(self, project: str) -> int:
        count, after, more = 0, "", True
        while more:
            found, more = await self._objects.list(objects_root(project), after)
            for start in range(0, len(found), AT_ONCE):
                part = found[start : start + AT_ONCE]
                await asyncio.gather(*(self._objects.delete(each.key) for each in part))
            count, after = count + len(found), found[-1].key if found else ""
        return count
