"""What a client asks about the server itself: alive, which version, what it can do."""

from collections.abc import Iterator
from typing import Any

from starlette.responses import Response

from headwater_server.gateway.mlflow.endpoints import Endpoint, Reply
from headwater_server.gateway.request import Request, answer

# Clients choose by it how to talk to a server: the MLflow whose API this is.
VERSION = "3.17.2"


class Server:
    def endpoints(self) -> Iterator[Endpoint]:
        yield Endpoint("GET", "/health", "", self._health, version="")
        yield Endpoint("GET", "/version", "", self._version, version="")
        yield Endpoint("GET", "/mlflow/server-info", "", self._info, version="3.0")

    async def _health(self, request: Request, body: dict[str, Any]) -> Response:
        return answer(b"OK", media="text/plain")

    async def _version(self, request: Request, body: dict[str, Any]) -> Response:
        return answer(VERSION.encode(), media="text/plain")

    async def _info(self, request: Request, body: dict[str, Any]) -> Reply:
        return {"store_type": "SqlStore", "workspaces_enabled": False}
