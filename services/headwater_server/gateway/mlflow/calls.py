"""Calls of the services on behalf of an MLflow client, in the project that it names."""

from typing import Any

import msgspec

from headwater.api.tracking.v1 import mlflow_pb2
from headwater_server.gateway.mlflow.endpoints import project_of
from headwater_server.gateway.request import Request
from headwater_server.kit.service import ServiceKit

TIMEOUT = 60.0
_REQUESTS: dict[str, Any] = {
    "Read": mlflow_pb2.ReadMlflowRequest,
    "Log": mlflow_pb2.LogMlflowRequest,
    "Change": mlflow_pb2.ChangeMlflowRequest,
}


class Calls:
    """Of one service: `await calls(request, "GetModel", message)`."""

    def __init__(self, kit: ServiceKit[Any], service: str) -> None:
        self._kit, self._service = kit, service

    async def __call__(self, request: Request, method: str, message: Any, *, timeout: float = TIMEOUT) -> Any:
        message.project = project_of(request)
        call = getattr(self._kit.client(self._service), method)
        return await call(message, timeout=timeout, on_behalf=request.identity, traceparent=request.traceparent)

    def project(self, request: Request) -> str:
        """The project of a request by its name. Raises NotFound when it is not the caller's."""
        own = request.identity.project
        name = project_of(request) or (own if own != "*" else "default")
        request.identity.check_project(name)
        return name

    async def as_service(self, request: Request, method: str, message: Any) -> Any:
        """For what the caller was found to be allowed already: answers with addresses inside of the platform."""
        call = getattr(self._kit.client(self._service), method)
        return await call(message, timeout=TIMEOUT, traceparent=request.traceparent)


class OfTracking:
    """Tracking's methods for MLflow's clients, JSON in and out: `await call(request, "Read", "traces/get", {…})`."""

    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._call = Calls(kit, "tracking")

    async def __call__(self, request: Request, right: str, method: str, body: dict[str, Any]) -> bytes:
        message = _REQUESTS[right](method=method, json=msgspec.json.encode(body))
        return (await self._call(request, f"{right}Mlflow", message)).json
