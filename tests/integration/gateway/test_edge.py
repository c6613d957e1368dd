"""Who may enter, from where, and how a refusal is told."""

import asyncio
import socket

import pytest

from headwater_server.gateway.server import listen
from headwater_server.kit.auth import Actor, mint_task_token, service_token
from headwater_server.kit.errors import InvalidArgument
from tests.harness.fixtures import INTERNAL_KEY

RUNS = "/api/v1/projects/default/tracking/runs"


async def test_a_call_goes_to_the_service_and_back(edge):
    made = await edge.call("POST", RUNS, {"experiment": "wine", "name": "first"})
    assert made.status == 200 and made.json["run"]["state"] == "TRACKED_RUN_STATE_RUNNING"
    run_id = made.json["run"]["runId"]
    logged = await edge.call("POST", f"/api/v1/tracking/runs/{run_id}/batch", {"metrics": [{"key": "a", "value": 1.5}]})
    assert logged.status == 200 and logged.json == {}
    for query in ("experiments=wine&pageSize=1", "experiments=wine&page_size=1&filter="):
        found = await edge.call("GET", f"{RUNS}?{query}")
        assert [run["runId"] for run in found.json["runs"]] == [run_id]
    history = await edge.call("GET", f"/api/v1/tracking/runs/{run_id}/metrics?key=a")
    assert history.json["points"][0]["value"] == 1.5
    assert history.headers["x-content-type-options"] == "nosniff" and history.headers["cache-control"] == "no-store"


async def test_the_caller_is_handed_on(edge):
    run = edge.scheduler.add()
    viewer = await edge.token("viewer")
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert (
        await edge.call(
            "GET", f"/api/v1/runs/{run.run_id}?project=default", token=viewer, headers={"traceparent": trace}
        )
    ).json["run"]["flow"] == "Train"
    _, call = edge.scheduler.seen[-1]
    assert (call.actor.name, call.role, call.project, call.traceparent) == ("viewer", "viewer", "default", trace)


async def test_queries_are_read_by_the_proto(edge):
    for state in ("RUN_STATE_FAILED", "failed", "FAILED", "3"):
        await edge.call("GET", f"/api/v1/projects/default/runs?state={state}&tag=&pageSize=7")
        request, _ = edge.scheduler.seen[-1]
        assert (request.state, request.tag, request.page_size) == (3, "", 7)
    wrong = await edge.call("GET", "/api/v1/projects/default/runs?state=faild")
    assert wrong.status == 400 and wrong.error["field"] == "state" and "failed" in wrong.error["hint"]
    wrong = await edge.call("GET", "/api/v1/projects/default/runs?flwo=x")
    assert wrong.status == 400 and wrong.error["field"] == "flwo" and "'flow'" in wrong.error["hint"]


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "field"),
    [
        ("GET", "/api/v1/run/latest", {}, 404, "path"),
        ("DELETE", RUNS, {}, 405, "method"),
        ("POST", RUNS, {"raw": b"{"}, 400, "body"),
        ("POST", RUNS, {"raw": b"[1]"}, 400, "body"),
        ("POST", RUNS, {"raw": b"[" * 200_000}, 400, "body"),
        ("POST", RUNS, {"body": {"nmae": "x"}}, 400, "nmae"),
        ("POST", RUNS, {"body": {"name": 3}}, 400, "name"),
        ("POST", RUNS, {"body": {"name": "a\0b"}}, 400, "name"),
        ("POST", RUNS, {"body": {"project": "other"}}, 400, "project"),
        ("POST", f"{RUNS}?name=x", {"body": {}}, 400, "name"),
        ("POST", RUNS, {"body": {}, "headers": {"Content-Type": "text/plain"}}, 400, "Content-Type"),
        ("POST", RUNS, {"headers": {"Content-Length": str(65 << 20)}}, 413, "body"),
        ("GET", f"{RUNS}?filter=%ff", {}, 400, "query"),
        ("GET", f"{RUNS}?filter=%00", {}, 400, "filter"),
        ("GET", "/api/v1/tracking/runs/%ff", {}, 400, "run_id"),
        ("GET", f"{RUNS}?pageSize=99999999999", {}, 400, "pageSize"),
        ("GET", f"{RUNS}?pageSize=1&pageSize=2", {}, 400, "pageSize"),
    ],
)
async def test_bad_requests_are_told_what_is_wrong(edge, method, path, more, status, field):
    answer = await edge.call(method, path, **more)
    assert (answer.status, answer.error["field"]) == (status, field), answer.raw
    assert "Traceback" not in answer.raw.decode()


async def test_near_misses_are_named(edge):
    answer = await edge.call("GET", "/api/v1/projects/default/experimnts")
    assert "/api/v1/projects/{project}/experiments" in answer.error["hint"]
    answer = await edge.call("DELETE", RUNS)
    assert answer.headers["allow"] == "GET, POST"


async def test_a_body_without_end_is_cut_off(edge):
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    head = f"POST {RUNS} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json"
    writer.write(f"{head}\r\nAuthorization: Bearer {'x'}\r\n\r\n".encode())
    assert b" 401 " in await reader.readuntil(b"\r\n\r\n"), "refused before the body is read"
    writer.close()


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1.evil.com:7400", "", "localhost.evil:80", "[::2]:7400"])
async def test_other_hosts_are_refused(edge, host):
    answer = await edge.call("GET", "/api/v1/workers", headers={"Host": host})
    assert answer.status in (400, 403) and b"workers" not in answer.raw


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1234", "[::1]:7400", "ML.example.com"])
async def test_own_names_are_answered(edge, host):
    assert (await edge.call("GET", "/healthz", headers={"Host": host})).status == 200
    assert (await edge.call("GET", "/openapi.json", headers={"Host": host})).status == 200


async def test_pages_from_elsewhere_are_refused(edge):
    for headers in (
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = await edge.call("POST", RUNS, {"name": "x"}, headers=headers)
        assert answer.status == 403 and answer.error["reason"] == "ORIGIN", headers
    own = {"Origin": f"http://127.0.0.1:{edge.port}", "Sec-Fetch-Site": "same-origin"}
    assert (await edge.call("POST", RUNS, {"name": "x"}, headers=own)).status == 200


async def test_no_token_and_wrong_tokens(edge):
    for token in (None, "", "hw_pat_wrong", "hw_task_x.y", "garbage", service_token(INTERNAL_KEY, "gateway")):
        answer = await edge.call("GET", RUNS, token=token)
        assert answer.status == 401 and answer.headers["www-authenticate"].startswith("Bearer"), token


async def test_a_viewer_reads_and_does_not_write(edge):
    viewer = await edge.token("viewer")
    assert (await edge.call("GET", RUNS, token=viewer)).status == 200
    for method, path in (("POST", RUNS), ("POST", "/api/v1/runs/x/cancel"), ("POST", "/api/v1/dlq/1/retry")):
        answer = await edge.call(method, path, {}, token=viewer)
        assert answer.status == 403 and answer.error["hint"], path
    assert (await edge.call("POST", "/api/v1/projects/default/events", {"name": "x"}, token=viewer)).status == 403
    assert (await edge.call("GET", "/api/v1/tokens", token=viewer)).status == 403


async def test_another_project_does_not_exist(edge):
    editor = await edge.token("editor", "acme")
    theirs = edge.scheduler.add(project="default")
    for path in (
        RUNS,
        f"/api/v1/runs/{theirs.run_id}",
        f"/api/v1/runs/{theirs.run_id}/stream",
        "/api/v1/projects/default/events",
    ):
        assert (await edge.call("GET", path, token=editor)).status == 404, path
    assert (await edge.call("POST", "/api/v1/projects/default/events", {"name": "x"}, token=editor)).status == 404


async def test_a_task_acts_for_its_starter_while_it_lives(edge):
    def token(attempt: int) -> str:
        return mint_task_token(
            INTERNAL_KEY, project="default", role="admin", actor=Actor("user", "ada"), run_id="r", step="s", path="",
            index=0, attempt=attempt,
        )  # fmt: skip

    assert (await edge.call("GET", RUNS, token=token(1))).status == 200
    assert (await edge.call("GET", RUNS, token=token(2))).status == 401
    body = {"name": "x", "role": "viewer", "project": "default"}
    assert (await edge.call("POST", "/api/v1/tokens", body, token=token(1))).status == 403


async def test_unexpected_errors_say_nothing_of_the_inside(edge):
    answer = await edge.call("POST", "/api/v1/runs/nothing-like-it/cancel", {})
    assert answer.status == 500 and "KeyError" in answer.error["message"] and b"cancel_run" not in answer.raw


async def test_health_and_metrics(edge):
    assert (await edge.call("GET", "/healthz", token=None)).json["status"] == "ok"
    ready = await edge.call("GET", "/readyz", token=None)
    assert ready.status == 503 and ready.json["services"]["tracking"] == "ok" == ready.json["services"]["gateway"]
    assert ready.json["services"]["registry"] == "down" and ready.json["bus"] == ready.json["database"] == "ok"
    await edge.call("GET", RUNS)
    metrics = (await edge.call("GET", "/metrics", token=None)).raw.decode()
    assert 'headwater_http_seconds_count{route="/api/v1/projects/{project}/tracking/runs",status="200"' in metrics
    page = await edge.call("GET", "/docs", token=None)
    assert page.headers["content-type"].startswith("text/html") and b"<script" not in page.raw


async def test_answers_are_not_held_back(edge):
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await reader.readuntil(b"\r\n\r\n")
    taken = [task for task in asyncio.all_tasks() if task.get_name() == "gateway:http"]
    assert len(taken) == 1
    server = taken[0].get_coro().cr_frame.f_locals["self"]  # type: ignore[union-attr]
    (connection,) = server.server_state.connections
    inner = connection.transport.get_extra_info("socket")
    assert inner.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    writer.close()


def test_addresses_that_cannot_be():
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    for address, what in (
        (f"127.0.0.1:{taken.getsockname()[1]}", "taken"),
        ("0.0.0.0:0", "without TLS"),
        ("nowhere", "host:port"),
        ("127.0.0.1:99999", "cannot listen"),
    ):
        with pytest.raises(InvalidArgument, match=what):
            listen(address, insecure=False)
    taken.close()
    listen("0.0.0.0:0", insecure=True).close()
