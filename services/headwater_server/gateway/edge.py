"""Every HTTP request passes here: who asks, from where, for what; and every error leaves here as JSON."""

import base64
import binascii
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client import Histogram
from starlette.responses import Response

from headwater_server.gateway.guard import Guard
from headwater_server.gateway.request import HttpError, Request, answer_error
from headwater_server.gateway.rest.reading import segment
from headwater_server.gateway.rest.routes import Router, names_of
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.envelope import TRACEPARENT
from headwater_server.kit.errors import ServiceError, Unauthenticated
from headwater_server.kit.identity import Authenticator
from headwater_server.kit.rpc import as_service_error
from headwater_server.kit.telemetry import REGISTRY, Tracer

log = structlog.get_logger("gateway.edge")
SECONDS = Histogram(
    "headwater_http_seconds",
    "Time to the head of the answer.",
    ["verb", "route", "status"],
    registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
NOBODY = Identity(Actor("user", "nobody"), "none", "")


@dataclass(frozen=True)
class Target:
    """What a route leads to. action: what the caller must be allowed to do; "": anybody may ask."""

    action: str
    path: str
    names: tuple[str, ...]
    handle: Callable[[Request], Awaitable[Response]]
    # How an error looks in the dialect of this route.
    refuse: Callable[[ServiceError], Response] = answer_error

    @classmethod
    def of(
        cls,
        action: str,
        path: str,
        handle: Callable[[Request], Awaitable[Response]],
        refuse: Callable[[ServiceError], Response] = answer_error,
    ) -> "Target":
        return cls(action, path, tuple(names_of(path)), handle, refuse)


class Edge:
    """The ASGI application."""

    def __init__(self, router: Router[Target], guard: Guard, authenticator: Authenticator, tracer: Tracer) -> None:
        self._router, self._guard = router, guard
        self._authenticator, self._tracer = authenticator, tracer

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"this server does not speak {scope['type']}")
        start = time.perf_counter()
        told = _Told()
        response = await self._answer(scope, receive, told)
        SECONDS.labels(told.verb, told.route, response.status_code).observe(time.perf_counter() - start)
        await response(scope, receive, send)

    async def _answer(self, scope: dict[str, Any], receive: Any, told: "_Told") -> Response:
        refuse = answer_error
        try:
            self._guard.check(scope["path"], scope["headers"])
            match = self._router.find(_raw_path(scope))
            told.route = match.path
            refuse = next(iter(match.targets.values())).refuse
            target = match.targets.get(scope["method"])
            if target is None:
                raise _wrong_verb(scope["method"], match.path, match.targets)
            told.verb = scope["method"]
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            parent = headers.get("traceparent", "")
            parent = parent if TRACEPARENT.match(parent) else ""
            with self._tracer.span(f"{told.verb} {told.route}", parent, kind="server") as span:
                identity = await self._admit(target, headers)
                path = {n: segment(n, text) for n, text in zip(target.names, match.segments, strict=True)}
                request = Request(identity, path, scope["query_string"], headers, span.traceparent, receive)
                return await target.handle(request)
        except Exception as error:
            known = as_service_error(error)
            if known is not error:
                log.exception("request failed", verb=told.verb, route=told.route)
            return refuse(known)

    async def _admit(self, target: Target, headers: dict[str, str]) -> Identity:
        """Raises Unauthenticated or PermissionDenied. Whether the project is the caller's, the owner of it says."""
        if not target.action:
            return NOBODY
        # Metaflow clients have a setting for the second header alone.
        said = headers.get("authorization") or headers.get("x-api-key", "")
        identity = await identify(self._authenticator, _password(said) if said[:6].lower() == "basic " else said)
        identity.check(target.action)
        return identity


async def identify(authenticator: Authenticator, authorization: str) -> Identity:
    """The caller. Services do not come this way."""
    if authorization.removeprefix("Bearer ").startswith("hw_svc_"):
        raise Unauthenticated("a service's token is not good for HTTP", hint="Services call each other over gRPC.")
    return await authenticator.identify(authorization)


def _password(basic: str) -> str:
    """The token of a client that knows only names and passwords, as MLFLOW_TRACKING_USERNAME and _PASSWORD."""
    try:
        return base64.b64decode(basic[6:].strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


@dataclass
class _Told:
    """Labels of a request; few, whatever is asked for."""

    verb: str = "other"
    route: str = "unknown"


def _raw_path(scope: dict[str, Any]) -> str:
    raw = scope.get("raw_path")
    return raw.partition(b"?")[0].decode("latin-1") if raw else scope["path"]


def _wrong_verb(verb: str, path: str, targets: dict[str, Any]) -> HttpError:
    allowed = ", ".join(sorted(targets))
    return HttpError(
        405, f"{path} does not know {verb}", {"allow": allowed}, field="method", hint=f"Use {allowed}.", reason="METHOD"
    )
