"""What must fail against the MLflow surface of a running platform: no credentials, too small a role, paths that climb,
pages of others. The routes come from the gateway's own tables."""

import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest

from headwater_server.gateway.mlflow.endpoints import Endpoint
from headwater_server.gateway.mlflow.routes import Mlflow
from headwater_server.kit.auth import ROLES
from tests.e2e.conftest import Platform

RUN, MODEL = "0af7651916cd43dd8448eb211c80319c", "m-7f54c0e4e3da497eae8cfa2303984698"
PROXY = "/api/2.0/mlflow-artifacts"


class _Kit:
    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


ENDPOINTS: list[tuple[str, Endpoint]] = [
    (path, endpoint)
    for table in Mlflow(_Kit())._tables  # type: ignore[arg-type]
    for endpoint in table.endpoints()
    for path in endpoint.paths()
    if endpoint.action
]


class Raw:
    """Requests as they are written here: nothing is tidied up on the way."""

    def __init__(self, platform: Platform) -> None:
        self.host = urlsplit(platform.json("status")["url"]).netloc
        self.admin = (platform.home / "token").read_text().strip()

    def __call__(self, verb: str, path: str, body: Any = None, token: str | None = None, **headers: str) -> Any:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        told = {"Authorization": f"Bearer {self.admin if token is None else token}"} | headers
        if token == "":
            del told["Authorization"]
        data = body
        if isinstance(body, dict):
            data, told = json.dumps(body), {"Content-Type": "application/json"} | told
        connection.request(verb, path, data, {name.replace("_", "-"): value for name, value in told.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content, {name.lower(): value for name, value in answer.getheaders()}


@pytest.fixture(scope="module")
def raw(platform: Platform) -> Raw:
    return Raw(platform)


NAMED = {
    "artifact_path:path": f"0/{RUN}/artifacts/x", "model_id": MODEL, "tag_key": "k", "webhook_id": RUN,
    "trace_id": f"tr-{RUN}", "request_id": f"tr-{RUN}", "assessment_id": f"a-{RUN}",
}  # fmt: skip


def filled(path: str, **other: str) -> str:
    for name, value in (NAMED | other).items():
        path = path.replace(f"{{{name}}}", value)
    return path


def test_no_route_answers_without_credentials_or_with_too_small_a_role(raw: Raw, platform: Platform) -> None:
    viewer = platform.json("token", "create", "looks-on", "--role", "viewer")["secret"]
    assert len(ENDPOINTS) > 150
    for path, endpoint in ENDPOINTS:
        body = None if endpoint.verb == "GET" else {}
        status, content, _ = raw(endpoint.verb, filled(path), body, token="")
        assert status == 401 and json.loads(content)["error_code"] == "UNAUTHENTICATED", (endpoint.verb, path)
        if endpoint.action not in ROLES["viewer"]:
            status, content, _ = raw(endpoint.verb, filled(path), body, token=viewer)
            assert status == 403 and json.loads(content)["error_code"] == "PERMISSION_DENIED", (endpoint.verb, path)


CLIMBS = [
    "../x",
    "a/../../x",
    "..%2fx",
    "%2e%2e/x",
    "..%5cx",
    "%252e%252e%252fx",
    "%25252e%25252e/x",
    "a;/../x",
    "..;/x",
]
CLIMBS += ["%23../x", "a%00b", "/etc/passwd", "%2fetc%2fpasswd", "file:///etc/passwd", "C:%5cx", "%ef%bc%8e%ef%bc%8e/x"]
CLIMBS += ["y" * 4096]


@pytest.mark.parametrize("path", CLIMBS, ids=range(len(CLIMBS)))
def test_no_path_climbs(raw: Raw, path: str) -> None:
    asked = quote(path, safe="%")
    tries: list[tuple[str, str, Any]] = [
        *((verb, f"{PROXY}/artifacts/{path}", b"x" if verb == "PUT" else None) for verb in ("PUT", "GET", "DELETE")),
        ("GET", f"{PROXY}/presigned/{path}", None),
        ("GET", f"{PROXY}/artifacts?path={asked}", None),
        ("GET", f"/api/2.0/mlflow/artifacts/list?run_id={RUN}&path={asked}", None),
        ("GET", f"/get-artifact?run_uuid={RUN}&path={asked}", None),
        ("GET", f"/model-versions/get-artifact?name=a&version=1&path={asked}", None),
        ("GET", f"/ajax-api/2.0/mlflow/logged-models/{MODEL}/artifacts/files?artifact_file_path={asked}", None),
        ("POST", f"{PROXY}/mpu/create/{path}", {"path": "a", "num_parts": 1}),
        ("POST", f"{PROXY}/mpu/complete/{path}", {"path": "a", "upload_id": RUN, "parts": [{}]}),
        ("POST", f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={RUN}&path={asked}", b"x"),
    ]
    for verb, where, body in tries:
        status, content, _ = raw(verb, where, body)
        assert 400 <= status < 500, (verb, where, status, content)
    assert raw("GET", f"{PROXY}/artifacts?path=")[1] == b"{}" or b"passwd" not in raw("GET", f"{PROXY}/artifacts")[1]


def test_no_page_of_others_gets_in(raw: Raw) -> None:
    create = "/api/2.0/mlflow/registered-models/create"
    assert raw("POST", create, {"name": "a"}, Host="evil.example")[0] == 403
    assert raw("POST", create, {"name": "a"}, Origin="https://evil.example")[0] == 403
    assert raw("POST", create, b'{"name": "a"}', Content_Type="text/plain")[0] == 400
    place = f"{PROXY}/artifacts/0/{RUN}/artifacts/page.html"
    assert raw("PUT", place, b"<script>alert(1)</script>")[0] == 200
    status, content, headers = raw("GET", place)
    assert (status, content) == (200, b"<script>alert(1)</script>")
    assert headers["content-disposition"].startswith("attachment") and headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox")
    status, content, headers = raw("GET", place, Range="bytes=1-6")
    assert (status, content, headers["content-range"]) == (206, b"script", "bytes 1-6/25")
    assert raw("GET", place, Range="bytes=25-")[0] == 416


def test_what_is_too_much_or_of_the_wrong_kind_is_refused(raw: Raw) -> None:
    models, logged = "/api/2.0/mlflow/registered-models", "/api/2.0/mlflow/logged-models"
    wrong: list[tuple[str, str, Any]] = [
        ("POST", f"{models}/create", {"name": "n" * 300}),
        ("POST", f"{models}/create", {"name": "n", "description": "d" * 20_000}),
        ("POST", f"{models}/create", {"name": "n", "tags": [{"key": "k", "value": "v" * 100_001}]}),
        ("POST", f"{models}/create", {"name": "n", "tags": [{"key": f"k{i}", "value": ""} for i in range(2000)]}),
        ("POST", f"{models}/create", {"name": "n", "tags": ["k"]}),
        ("POST", f"{models}/create", {"name": "n", "tags": [{"key": 1, "value": "v"}]}),
        ("POST", f"{models}/create", {"name": {"a": []}}),
        ("POST", f"{models}/create", b"[" * 100_000),
        ("POST", f"{models}/create", b'{"name": "a\\u0000b"}'),
        ("GET", f"{models}/search?filter={quote('name = ' + '(' * 500)}", None),
        ("POST", logged, {"experiment_id": "0", "name": "a", "params": [{"key": "k", "value": "v" * 7000}]}),
        ("POST", f"{logged}/search", {"experiment_ids": ["0"], "order_by": [{"field_name": 1}]}),
        ("PATCH", f"{logged}/{MODEL}", {"status": "DONE"}),
        ("PUT", f"{PROXY}/artifacts/0/{RUN}/artifacts/page.html/below", b"x"),
        ("POST", f"{PROXY}/mpu/create/0/{RUN}/artifacts", {"path": "a", "num_parts": 100_000}),
    ]
    for verb, path, body in wrong:
        more = {"Content_Type": "application/json"} if isinstance(body, bytes) and verb == "POST" else {}
        status, content, _ = raw(verb, path, body, **more)
        assert 400 <= status < 500 and b"error_code" in content, (verb, path, status, content[:300])


# The table of attacks: each on every route.

HUGE, NUL = "x" * 200_000, "a\0b"
FOREIGN = (
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec_Fetch_Site": "cross-site"},
)
SEGMENTS = ("..%2fx", "%2e%2e%2fx", "..%5cx", "%252e%252e%252fx", "a;%2f..%2fx", "%23..%2fx", "a%00b",
            "%2fetc%2fpasswd", "file:%2f%2f%2fetc%2fpasswd", "%ef%bc%8e%ef%bc%8e%2fx", "y" * 4096)  # fmt: skip
BODIES = (b"[]", b"7", b'"a"', b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b'{"key": "\\ud800"}')
WRONG = (HUGE, NUL, {"a": {"b": []}}, [[[]]], -(2**70))
SAMPLES = {
    "string": "none", "int": 1, "float": 1.0, "bool": True, "enum": "x", "strings": ["none"], "array": [], "dict": {},
}  # fmt: skip
# What is longer than MLflow keeps is cut, a NUL left out: a run is made. Ids of no trace find none.
KIND = {("runs/create", "user_id"), ("runs/create", "run_name"), ("traces/batchGet", "trace_ids")}


def test_no_route_answers_a_page_of_others(raw: Raw) -> None:
    for path, endpoint in ENDPOINTS:
        for headers in FOREIGN:
            status, content, _ = raw(endpoint.verb, filled(path), None if endpoint.verb == "GET" else {}, **headers)
            assert status == 403, (endpoint.verb, path, headers, content[:200])


def test_no_route_takes_what_is_malformed(raw: Raw) -> None:
    tried = 0
    before = everything(raw)
    for path, endpoint in ENDPOINTS:
        if path.startswith("/ajax-api"):
            continue  # the same handlers
        for verb, where, body, headers in malformed(path, endpoint):
            status, content, _ = raw(verb, where, body, **headers)
            assert 400 <= status < 500, (verb, where[:200], repr(body)[:200], status, content[:200])
            tried += 1
    assert tried > 1500
    assert everything(raw) == before


def malformed(path: str, endpoint: Endpoint) -> Iterator[tuple[str, str, Any, dict[str, str]]]:
    """Verb, path, body, headers of each request that must be refused."""
    verb, fields = endpoint.verb, endpoint.fields or endpoint.reads
    empty = None if verb == "GET" else {}
    for name in (part[1:-1] for part in path.split("/") if part.startswith("{")):
        yield from ((verb, filled(path, **{name: segment}), empty, {}) for segment in SEGMENTS)
    if verb != "GET" and fields:
        yield from ((verb, filled(path), body, {"Content_Type": "application/json"}) for body in BODIES)
        yield verb, filled(path), b"{}", {"Content_Type": "text/plain"}
    needed = {name: SAMPLES[field.kind] for name, field in fields.items() if field.required}
    for name in fields:
        if (path.partition("/mlflow/")[2], name) in KIND:
            continue
        for value in WRONG:
            if verb != "GET":
                yield verb, filled(path), needed | {name: value}, {}
            elif isinstance(value, str):
                query = urlencode(needed | {name: value[:30_000]}, doseq=True)
                yield verb, f"{filled(path)}?{query}", None, {}


def everything(raw: Raw) -> list[bytes]:
    """What an attack might have touched."""
    api, every = "/api/2.0/mlflow", {"view_type": "ALL", "run_view_type": "ALL", "experiment_ids": ["0"]}
    asked: list[tuple[str, str, Any]] = [
        ("POST", f"{api}/experiments/search", {"view_type": "ALL"}),
        ("POST", f"{api}/runs/search", every),
        ("POST", f"{api}/logged-models/search", {"experiment_ids": ["0"]}),
        *(("GET", f"{api}/{what}", None) for what in ("registered-models/search", "model-versions/search", "webhooks")),
        ("GET", f"{api}/traces?experiment_ids=0", None),
        ("GET", f"{PROXY}/artifacts", None),
    ]
    return [content for status, content, _ in (raw(*each) for each in asked) if status == 200]


PRIVATE = ("https://127.0.0.1/x", "https://169.254.169.254/x", "https://[::1]/x", "https://0x7f.1/x", "https://10.0.0.1",
           "https://localhost/x", "http://example.com/x", "file:///etc/passwd")  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE)
def test_no_webhook_calls_what_is_private(raw: Raw, url: str) -> None:
    asked = {"name": "w", "url": url, "events": [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]}
    status, content, _ = raw("POST", "/api/2.0/mlflow/webhooks", asked)
    assert 400 <= status < 500, content
    assert raw("GET", "/api/2.0/mlflow/webhooks")[1] == b"{}"
