"""Empties a project: all of its runs, running or not, its deployments, limits and retention, in one transaction.

Each run that goes is told of, so what other services keep of it goes in any case, whoever dies in the middle.
"""

from typing import Any

from headwater.api.scheduler.v1 import retention_pb2 as pb
from headwater_server.kit.clock import now
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.rpc import Call
from headwater_server.scheduler import facts
from headwater_server.scheduler.endings import Endings
from headwater_server.scheduler.states import RunState
from headwater_server.scheduler.store import Store, q

REASON = "its project was emptied"


class EmptyingApi:
    def __init__(self, outbox: Outbox, store: Store, endings: Endings) -> None:
        self._outbox, self._store, self._endings = outbox, store, endings

    async def empty_project(self, request: pb.EmptyProjectRequest, call: Call) -> pb.EmptyProjectResponse:
        actor = {"kind": call.actor.kind, "name": call.actor.name}
        project = request.project
        async with self._outbox.transaction() as tx:
            rows = await tx.conn.fetch(q.lock_project_runs, project)
            for row in rows:
                if row["state"] == RunState.RUNNING:  # workers are told to drop their tasks
                    info = await self._store.info(str(row["run_id"]), tx.conn)
                    await self._endings.cancel(tx, info, REASON, actor)
            ids, at = [row["run_id"] for row in rows], now()
            for statement in (q.empty_arrivals, q.empty_splits, q.empty_tasks, q.empty_runs):
                await tx.conn.execute(statement, ids)
            removed = {"runs": len(ids)}
            for name, statement in REST.items():
                removed[name] = affected(await tx.conn.execute(statement, project))
            for row in rows:
                tx.add(facts.gone(str(row["run_id"]), project, row["flow"], at, actor=actor, reason=REASON))
        for run in ids:
            self._store.forget(str(run))
        shown = {name: count for name, count in removed.items() if count and not name.startswith("_")}
        return pb.EmptyProjectResponse(removed=shown, run_ids=[str(run) for run in ids])

    async def list_projects(self, request: pb.ListProjectsRequest, call: Call) -> pb.ListProjectsResponse:
        rows = await self._store.database.fetch(q.projects)
        return pb.ListProjectsResponse(projects=[row["project"] for row in rows])


REST: dict[str, Any] = {
    "deployments": q.empty_deployments,
    "limits": q.empty_limits,
    "_retention": q.delete_retention,
    "_versions": q.empty_versions,
    "_flows": q.empty_mf_flows,
}


def affected(status: str) -> int:
    """Of "DELETE 12"."""
    return int(status.rpartition(" ")[2] or 0)
