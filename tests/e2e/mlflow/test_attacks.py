"""What must fail against the MLflow surface of a running platform: no credentials, too small a role, paths that climb,
pages of others. The routes come from the gateway's own tables."""

import http.client
import json
from typing import Any
from urllib.parse import quote, urlsplit

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


def filled(path: str) -> str:
    for name, value in (("artifact_path:path", f"0/{RUN}/artifacts/x"), ("model_id", MODEL), ("tag_key", "k"),
                        ("webhook_id", RUN)):  # fmt: skip
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
