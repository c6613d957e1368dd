"""The REST twin of an RPC, carried out: read the request, call the service that owns it for the caller, answer JSON."""

from typing import Any

from starlette.responses import Response

from headwater_server.gateway.request import Request, answer
from headwater_server.gateway.rest.reading import Source, read
from headwater_server.gateway.rest.routes import Route
from headwater_server.gateway.rest.writing import to_json
from headwater_server.kit.service import ServiceKit

TIMEOUT = 30.0


class Forward:
    """Answers the requests of one route."""

    def __init__(self, kit: ServiceKit[Any], route: Route) -> None:
        self._kit, self._route = kit, route

    async def __call__(self, request: Request) -> Response:
        route = self._route
        body = await request.body(binary=True) if route.has_body else None
        message = read(route.request, Source(request.path, request.query, body, request.is_protobuf))
        call = getattr(self._kit.client(route.service), route.method.name)
        reply = await call(message, timeout=TIMEOUT, on_behalf=request.identity, traceparent=request.traceparent)
        return answer(to_json(reply))
