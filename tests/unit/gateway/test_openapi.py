"""The document agrees with the protos and the routes; requests that follow it, or nearly, never break the edge."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, settings
from starlette.responses import Response

from headwater_server.gateway import comments, docs, openapi
from headwater_server.gateway.edge import Edge, Target
from headwater_server.gateway.endpoints import ENDPOINTS
from headwater_server.gateway.guard import Guard
from headwater_server.gateway.request import Request, answer_json
from headwater_server.gateway.rest.forward import Forward
from headwater_server.gateway.rest.routes import Router, rpc_routes
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.telemetry import Tracer

ROOT = Path(__file__).parents[3]


def test_comments_are_those_of_the_protos():
    buf = ROOT / ".venv" / "bin" / "buf"
    fresh = comments.collect(ROOT / "proto", buf)
    assert fresh == comments.comments(), "run `make docs`"


def test_every_route_is_documented_and_nothing_else():
    documented = {(verb.upper(), path) for path, verbs in openapi.document()["paths"].items() for verb in verbs}
    routes = [(r.verb, r.path) for r in rpc_routes()] + [(e.verb, e.path) for e in ENDPOINTS]
    assert {(verb, re.sub(r"_([a-z])", lambda m: m[1].upper(), path)) for verb, path in routes} == documented


def test_names_are_unique_and_references_resolve():
    doc = openapi.document()
    names = [op["operationId"] for verbs in doc["paths"].values() for op in verbs.values()]
    assert len(names) == len(set(names))
    text = str(doc)
    assert set(re.findall(r"#/components/schemas/(\w+)", text)) <= doc["components"]["schemas"].keys()
    by_name: dict[str, set[str]] = {}

    def walk(message: Any) -> None:
        known = by_name.setdefault(message.name, set())
        if message.full_name not in known:
            known.add(message.full_name)
            for field in message.fields:
                if field.message_type is not None and not field.message_type.GetOptions().map_entry:
                    walk(field.message_type)

    for route in rpc_routes():
        walk(route.method.output_type)
        walk(route.method.input_type)
    assert all(len(full) == 1 for full in by_name.values()), "two messages share a schema's name"


def test_the_page_shows_it_all_and_loads_nothing():
    text = docs.html(openapi.document())
    assert all(op["operationId"] in text for verbs in openapi.document()["paths"].values() for op in verbs.values())
    assert "<script" not in text and "src=" not in text and "http://" not in text and "https://" not in text


class _Echo:
    """In place of the services: every call succeeds with an empty answer."""

    def __init__(self) -> None:
        self.methods = {r.method.name: r.method for r in rpc_routes()}

    def client(self, service: str) -> "_Echo":
        return self

    def __getattr__(self, name: str) -> Any:
        async def call(request: Any, **more: Any) -> Any:
            request.SerializeToString()
            return GetMessageClass(self.methods[name].output_type)()

        return call


class _Anybody:
    async def identify(self, authorization: str, on_behalf: str = "") -> Identity:
        return Identity(Actor("user", "ada"), "admin")


async def _accepts(request: Request) -> Response:
    return answer_json({})


def _app() -> Edge:
    router: Router[Target] = Router()
    for route in rpc_routes():
        router.add(route.verb, route.path, Target.of(route.action, route.path, Forward(_Echo(), route)))  # type: ignore[arg-type]
    for endpoint in ENDPOINTS:
        router.add(endpoint.verb, endpoint.path, Target.of(endpoint.action, endpoint.path, _accepts))
    guard = Guard.of("127.0.0.1:7400", "testserver", "")
    return Edge(router, guard, _Anybody(), Tracer("gateway", {}))  # type: ignore[arg-type]


APP = _app()
schema = schemathesis.openapi.from_dict(openapi.document()).exclude(path_regex="stream|events|dlq|docs|metrics")


@schema.parametrize()
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_requests_by_the_document(case):
    response = case.call(app=APP)
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        error = response.json()["error"]
        assert error["code"] and error["message"] and "Traceback" not in response.text


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "HEAD", "BREW"])
def test_any_verb_anywhere_is_answered(verb):
    for path in ("/api/v1/workers", "/healthz", "/nothing"):
        assert asyncio.run(_status(verb, path)) in (200, 404, 405)


async def _status(verb: str, path: str) -> int:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": verb, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"authorization", b"Bearer x")],
    }  # fmt: skip
    await APP(scope, receive, send)
    return sent[0]["status"]
