"""One row of the tables of MLflow endpoints, and how a request becomes a call of its handler."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.responses import Response

from headwater_server.gateway.mlflow.fields import Field, Fields, from_json, from_query
from headwater_server.gateway.request import Request, answer_json

# What MLflow calls a workspace is a project; a token of one project needs neither header.
PROJECT_HEADERS = ("x-headwater-project", "x-mlflow-workspace")
Reply = Response | dict[str, Any]


@dataclass(frozen=True)
class Endpoint:
    """path: after /api/<version> and /ajax-api/<version>; with version "": the whole path. action: what the caller
    must be allowed to do; "": anybody may ask. fields: of the query or the JSON body, which the handler then gets
    checked; None: the handler reads the request itself, reads: what it looks for then. A dict that it returns is
    answered as JSON."""

    verb: str
    path: str
    action: str
    handle: Callable[[Request, dict[str, Any]], Awaitable[Reply]]
    fields: Fields | None = None
    version: str = "2.0"
    reads: Fields = field(default_factory=dict[str, Field])

    def paths(self) -> tuple[str, ...]:
        if not self.version:
            return (self.path,)
        return f"/api/{self.version}{self.path}", f"/ajax-api/{self.version}{self.path}"

    async def __call__(self, request: Request) -> Response:
        body: dict[str, Any] = {}
        if self.fields is not None:
            if self.verb == "GET":
                body = from_query(request.query, self.fields)
            else:
                body = from_json(await request.body(), self.fields)
        reply = await self.handle(request, body)
        return answer_json(reply) if isinstance(reply, dict) else reply


class Table(Protocol):
    """A module's share: made with the kit of the gateway."""

    def endpoints(self) -> Iterator[Endpoint]: ...


def project_of(request: Request) -> str:
    """The project that the caller names; "": the one of its token, or "default"."""
    return next((value for name in PROJECT_HEADERS if (value := request.headers.get(name))), "")
