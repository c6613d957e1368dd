"""Empties a project: its models with their versions, aliases and promotions, logged models and webhooks."""

from headwater.api.registry.v1 import upkeep_pb2 as pb
from headwater_server.kit.database import Database
from headwater_server.kit.rpc import Call
from headwater_server.registry.store import q

# In this order; "": not worth telling.
STATEMENTS = (
    ("", q.empty_promotions),
    ("", q.empty_aliases),
    ("model versions", q.empty_versions),
    ("models", q.empty_models),
    ("", q.empty_model_metrics),
    ("logged models", q.empty_logged_models),
    ("", q.empty_deliveries),
    ("webhooks", q.empty_webhooks),
)


class EmptyingApi:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def empty_project(self, request: pb.EmptyProjectRequest, call: Call) -> pb.EmptyProjectResponse:
        removed: dict[str, int] = {}
        async with self._database.transaction() as conn:
            for name, statement in STATEMENTS:
                count = int((await conn.execute(statement, request.project)).rpartition(" ")[2] or 0)
                if name and count:
                    removed[name] = count
        return pb.EmptyProjectResponse(removed=removed)

    async def list_projects(self, request: pb.ListProjectsRequest, call: Call) -> pb.ListProjectsResponse:
        return pb.ListProjectsResponse(projects=[row["project"] for row in await self._database.fetch(q.projects)])
