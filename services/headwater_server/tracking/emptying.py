"""Empties a project: its runs with all that they logged, its traces, its experiments; the default one is there again,
as new."""

import uuid

from headwater.api.tracking.v1 import upkeep_pb2 as pb
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.rpc import Call
from headwater_server.tracking.deletion import ROWS
from headwater_server.tracking.store import DEFAULT_EXPERIMENT, Store, q


class EmptyingApi:
    def __init__(self, outbox: Outbox, store: Store) -> None:
        self._outbox, self._store = outbox, store

    async def empty_project(self, request: pb.EmptyProjectRequest, call: Call) -> pb.EmptyProjectResponse:
        project = request.project
        async with self._outbox.transaction() as tx:
            # First of all: whoever makes a run for one of these from now on is refused.
            await tx.conn.execute(q.note_deleted_runs, [uuid.UUID(run) for run in request.run_ids])
            rows = await tx.conn.fetch(q.lock_project_runs, project)
            ids, uuids = [row["id"] for row in rows], [row["uuid"] for row in rows]
            await tx.conn.execute(q.note_deleted_runs, uuids)
            traces = await tx.conn.execute(q.empty_traces, project)
            for statement in ROWS if ids else ():
                await tx.conn.execute(statement, ids)
            await tx.conn.execute(q.empty_datasets, project)
            await tx.conn.execute(q.empty_retention, project)
            gone = await tx.conn.execute(q.empty_experiments, project, DEFAULT_EXPERIMENT)
            await tx.conn.execute(q.renew_default, project, DEFAULT_EXPERIMENT)
        self._store.forget(uuids)
        done = (("experiments", gone), ("traces", traces))
        removed = {"tracked runs": len(ids)} | {name: int(each.rpartition(" ")[2] or 0) for name, each in done}
        return pb.EmptyProjectResponse(removed={name: count for name, count in removed.items() if count})

    async def list_projects(self, request: pb.ListProjectsRequest, call: Call) -> pb.ListProjectsResponse:
        rows = await self._store.fetch(q.projects, DEFAULT_EXPERIMENT)
        return pb.ListProjectsResponse(projects=[row["project"] for row in rows])
