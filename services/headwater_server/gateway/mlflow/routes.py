"""Every MLflow route: the rows of the tables, and what answers where there is none."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from starlette.responses import Response

from headwater_server.gateway.mlflow.artifact_parts import ArtifactParts
from headwater_server.gateway.mlflow.artifacts import Artifacts
from headwater_server.gateway.mlflow.assessments import Assessments
from headwater_server.gateway.mlflow.endpoints import Table
from headwater_server.gateway.mlflow.errors import MlflowError
from headwater_server.gateway.mlflow.logged_models import LoggedModels
from headwater_server.gateway.mlflow.otlp import Otlp
from headwater_server.gateway.mlflow.registry import RegisteredModels
from headwater_server.gateway.mlflow.registry_versions import ModelVersions
from headwater_server.gateway.mlflow.server import Server
from headwater_server.gateway.mlflow.traces import Traces
from headwater_server.gateway.mlflow.tracking import Tracking
from headwater_server.gateway.mlflow.webhooks import Webhooks
from headwater_server.gateway.request import Request
from headwater_server.kit.service import ServiceKit

Handler = Callable[[Request], Awaitable[Response]]
VERSIONS = ("2.0", "3.0")


class Mlflow:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._tables: tuple[Table, ...] = (
            Server(),
            Tracking(kit),
            RegisteredModels(kit),
            ModelVersions(kit),
            LoggedModels(kit),
            Artifacts(kit),
            ArtifactParts(kit),
            Webhooks(kit),
            Traces(kit),
            Assessments(kit),
            Otlp(kit),
        )

    def routes(self) -> Iterator[tuple[str, str, str, Handler]]:
        """(verb, path, action, handler) of each."""
        for table in self._tables:
            for endpoint in table.endpoints():
                for path in endpoint.paths():
                    yield endpoint.verb, path, endpoint.action, endpoint
        for prefix in ("api", "ajax-api"):
            for version in VERSIONS:
                for verb in ("GET", "POST", "PATCH", "PUT", "DELETE"):
                    yield verb, f"/{prefix}/{version}/{{endpoint:path}}", "", not_served


async def not_served(request: Request) -> Response:
    raise MlflowError(
        f"There is no endpoint {request.path['endpoint']!r} here; docs/mlflow.md of Headwater lists what is served.",
        "ENDPOINT_NOT_FOUND",
    )
