"""Requests into messages, messages into JSON, paths to routes."""

import json
import math
from urllib.parse import quote, urlencode

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from headwater.api.gateway.v1 import gateway_pb2
from headwater.api.registry.v1 import registry_pb2
from headwater.api.scheduler.v1 import scheduler_pb2
from headwater.api.tracking.v1 import tracking_pb2
from headwater_server.gateway.endpoints import ENDPOINTS
from headwater_server.gateway.parameters import Parameters
from headwater_server.gateway.rest.reading import Source, read, segment
from headwater_server.gateway.rest.routes import Router, rpc_routes
from headwater_server.gateway.rest.writing import to_dict, to_json
from headwater_server.kit.auth import ACTIONS
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.grpc_server import SERVICES, descriptor
from headwater_server.kit.rpc import rule_of

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
Search = tracking_pb2.SearchTrackedRunsRequest
# On the bus or between services only; everything else has a route.
WITHOUT_ROUTE = {
    "Introspect", "CheckAttempt", "OpenSession", "CloseSession", "ClaimTask", "CompleteTask", "CompleteTasks",
    "ListTaskResults", "Work",
    # The gateway itself asks for these.
    "EmptyProject",
    # Metaflow clients reach these by the routes of their own dialect.
    "AddMetaflowArtifacts", "AddMetaflowMetadata", "BeatMetaflow", "FilterMetaflowTasks", "ReadMetaflow",
    "RegisterMetaflow", "TagMetaflowRun",
    # And MLflow clients these.
    "ChangeMlflow", "LogMlflow", "ReadMlflow",
    "StreamBatches",  # a stream
}  # fmt: skip


@given(
    project=TEXT.filter(bool),
    filter_=TEXT,
    experiments=st.lists(TEXT, max_size=4),
    size=st.integers(-(2**31), 2**31 - 1),
)
def test_what_a_query_says_is_read_back(project, filter_, experiments, size):
    for names in (("pageSize", "orderBy"), ("page_size", "order_by")):
        pairs = [("filter", filter_), *(("experiments", e) for e in experiments), (names[0], size), (names[1], "a b")]
        path = {"project": segment("project", quote(project, safe=""))}
        message = read(Search, Source(path, urlencode(pairs).encode()))
        expected = Search(project=project, filter=filter_, experiments=experiments, page_size=size, order_by=["a b"])
        assert message == expected


@given(query=st.binary(max_size=60), path=st.binary(max_size=30), body=st.binary(max_size=80))
def test_no_request_breaks_the_reader(query, path, body):
    for source in (Source({}, query), Source({}, b"", body)):
        try:
            read(Search, source)
        except InvalidArgument as error:
            assert error.field
    try:
        segment("name", path.decode("latin-1"))
    except InvalidArgument as error:
        assert error.field == "name"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(name=st.sampled_from(["name", "parameters", "graph", "tags", "priority", "requestId", "code"]), value=JSON)
def test_no_body_breaks_the_reader(name, value):
    try:
        read(scheduler_pb2.StartRunRequest, Source({"project": "p"}, b"", json.dumps({name: value}).encode()))
    except InvalidArgument as error:
        assert error.field


@pytest.mark.parametrize("text", ["RUN_STATE_FAILED", "run_state_failed", "FAILED", "failed", "3"])
def test_enums_by_any_of_their_names(text):
    assert read(scheduler_pb2.ListRunsRequest, Source({}, f"state={text}".encode())).state == 3


@pytest.mark.parametrize("query", ["state=done", "state=99", "pageSize=1e3", "page_size=9999999999", "pageSize=²"])
def test_values_that_do_not_fit(query):
    with pytest.raises(InvalidArgument) as caught:
        read(scheduler_pb2.ListRunsRequest, Source({}, quote(query, safe="=").encode()))
    assert caught.value.field in query and caught.value.hint


def test_nothing_is_said_twice():
    cls = registry_pb2.SetAliasRequest
    path = {"project": "p", "name": "m", "alias": "champion"}
    assert read(cls, Source(path, b"", b'{"version": "3", "name": "m"}')).version == "3"
    with pytest.raises(InvalidArgument, match="the body says 'other'"):
        read(cls, Source(path, b"", b'{"name": "other"}'))
    with pytest.raises(InvalidArgument, match="the path says it already"):
        read(registry_pb2.GetModelRequest, Source({"project": "p", "name": "m"}, b"name=m"))


def test_times_and_lives():
    made = read(gateway_pb2.CreateTokenRequest, Source({}, b"", b'{"expiresIn": "90s", "name": "x"}'))
    assert made.expires_in.seconds == 90
    with pytest.raises(InvalidArgument) as caught:
        read(gateway_pb2.CreateTokenRequest, Source({}, b"", b'{"expires_in": "soon"}'))
    assert caught.value.field in ("expiresIn", "expires_in")


NUMBERS = st.floats() | st.integers(-(2**53), 2**53).map(float)
RUNS = st.builds(
    scheduler_pb2.Run,
    run_id=TEXT,
    state=st.integers(0, 9),
    tags=st.lists(TEXT, max_size=3),
    priority=st.integers(-(2**31), 2**31 - 1),
)


@given(
    run=RUNS,
    seconds=st.integers(-62135596800, 253402300799),
    nanos=st.integers(0, 999_999_999),
    extra=JSON,
    d=st.integers(-9, 9),
)
def test_json_is_as_protobuf_says(run, seconds, nanos, extra, d):
    run.created_at.seconds, run.created_at.nanos = seconds, nanos
    run.graph.steps.add(timeout={"seconds": d * 1000, "nanos": d * 10})
    try:
        json_format.ParseDict({"x": extra}, run.parameters)
        expected = json_format.MessageToDict(run)
    except (json_format.ParseError, json_format.SerializeToJsonError, ValueError, TypeError, OverflowError):
        return
    assert to_dict(run) == expected
    assert scheduler_pb2.Run() == json_format.Parse(b"{}", scheduler_pb2.Run()) and json.loads(to_json(run)) == expected


@given(
    metrics=st.dictionaries(TEXT, NUMBERS, max_size=3), seq=st.integers(-(2**63), 2**63 - 1), data=st.binary(max_size=9)
)
def test_json_of_maps_numbers_and_bytes(metrics, seq, data):
    version = registry_pb2.ModelVersion(metrics=metrics, size=seq, aliases=["a"])
    point = tracking_pb2.Metric(value=next(iter(metrics.values()), 0.0), step=seq)
    task = scheduler_pb2.Task(result=data)
    moved = registry_pb2.SetAliasRequest(expected_version=0)
    for message in (version, point, task, moved):
        assert _plain(to_dict(message)) == _plain(json_format.MessageToDict(message))


def _plain(value):
    return json.loads(json.dumps(value)) if not isinstance(value, float) or math.isfinite(value) else str(value)


def test_every_rpc_has_a_route_or_says_that_it_has_none():
    routed = {route.method.name for route in rpc_routes()}
    every = {method.name: rule_of(method) for service in SERVICES for method in descriptor(service).methods}
    assert every.keys() - routed == WITHOUT_ROUTE
    assert all(rule.action in ACTIONS for rule in every.values())
    assert {e.action for e in ENDPOINTS} - ACTIONS == {""}, "deny by default: public ones are few and named"
    public = {"healthz", "readyz", "metrics", "openapi", "docs"}
    assert {e.name for e in ENDPOINTS if not e.action} == public


def _router() -> Router[str]:
    router: Router[str] = Router()
    for route in rpc_routes():
        router.add(route.verb, route.path, route.method.name)
    for endpoint in ENDPOINTS:
        router.add(endpoint.verb, endpoint.path, endpoint.name)
    return router


@given(names=st.lists(TEXT.filter(bool), min_size=4, max_size=4))
def test_every_route_is_found_whatever_stands_in_its_braces(names):
    router = _router()
    for verb, path, name in [(r.verb, r.path, r.method.name) for r in rpc_routes()]:
        parts, values = [], iter(names)
        filled = [next(values) if part.startswith("{") else part for part in path.split("/")]
        parts = [quote(part, safe="") for part in filled]
        match = router.find("/".join(parts))
        if match.path == path:  # a value may be a word of another route
            assert match.targets[verb] == name
            assert [segment("x", s) for s in match.segments] == [
                f for f, p in zip(filled, path.split("/"), strict=True) if p.startswith("{")
            ]


def test_near_misses_are_named():
    for path, meant in (
        ("/api/v1/runs/0193-abc/task", "/api/v1/runs/{run_id}/tasks"),
        ("/api/v1/project/default/runs", "/api/v1/projects/{project}/runs"),
        ("/healtz", "/healthz"),
    ):
        with pytest.raises(NotFound) as caught:
            _router().find(path)
        assert meant in caught.value.hint
    for path in ("", "/", "//", "/api/v1/runs//tasks", "/x" * 3000):
        with pytest.raises(NotFound):
            _router().find(path)


def test_two_routes_cannot_be_the_same():
    router: Router[str] = Router()
    router.add("GET", "/a/{b}", "one")
    with pytest.raises(ValueError, match="two routes"):
        router.add("GET", "/a/{c}", "two")


def test_parameters():
    given_ = Parameters(b"runId=r&foreign=true&last=5", "run_id", "foreign", "last", "since")
    assert (given_.text("run_id"), given_.boolean("foreign"), given_.integer("last", 0, 9)) == ("r", True, 5)
    assert given_.time("since") is None
    for query in (b"runid=r&run_id=r", b"foreign=perhaps", b"last=10", b"since=x", b"x=1"):
        with pytest.raises(InvalidArgument):
            told = Parameters(query, "run_id", "foreign", "last", "since")
            told.boolean("foreign"), told.integer("last", 0, 9), told.time("since")
            raise (
                InvalidArgument("unknown names are refused in camelCase only") if b"runid" in query else AssertionError
            )
