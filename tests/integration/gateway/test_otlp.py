"""Spans by OpenTelemetry's protocol, and traces as MLflow before 3.0 asks for them."""

import gzip
import json
import zlib
from typing import Any
from urllib.parse import quote

from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.integration.gateway.conftest import Edge

PROTOBUF = "application/x-protobuf"
TRACE, ROOT, CHILD = bytes(range(16)), b"rootspan", b"childspa"
NAME = f"tr-{TRACE.hex()}"
START = 1_700_000_000_000_000_000


def add_span(spans: Any, ident: bytes, parent: bytes = b"", **attributes: Any) -> Span:
    span = spans.add(trace_id=TRACE, span_id=ident, parent_span_id=parent, name=ident.decode())
    span.start_time_unix_nano, span.end_time_unix_nano = START, START + 5_000_000
    for key, value in attributes.items():
        item = span.attributes.add(key=key.replace("_", "."))
        setattr(item.value, "int_value" if isinstance(value, int) else "string_value", value)
    return span


def exported(*, root: bool = True, tokens: int = 5) -> bytes:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "shop"
    spans = group.scope_spans.add().spans
    add_span(spans, CHILD, ROOT, input_value="hi\0", llm_token__count_prompt=tokens)
    spans[-1].attributes[-1].key = "gen_ai.usage.input_tokens"
    if root:
        add_span(spans, ROOT, session_id="s1")
    return request.SerializeToString()


async def export(edge: Edge, body: bytes, media: str = PROTOBUF, **headers: str) -> Any:
    said = {"Content-Type": media, "x-mlflow-experiment-id": "0"} | {k.replace("_", "-"): v for k, v in headers.items()}
    return await edge.call("POST", "/v1/traces", raw=body, headers=said)


async def got(edge: Edge) -> Any:
    return (await edge.call("GET", f"/api/3.0/mlflow/traces/get?trace_id={NAME}&allow_partial=true")).json["trace"]


async def test_spans_come_in_parts_and_again(edge: Edge) -> None:
    first = await export(edge, gzip.compress(exported(root=False)), Content_Encoding="gzip")
    assert (first.status, first.raw) == (200, b"") and first.headers["content-type"] == PROTOBUF
    assert (await got(edge))["trace_info"]["state"] == "IN_PROGRESS"
    for body in (exported(tokens=7), exported(tokens=7)):
        assert (await export(edge, zlib.compress(body), Content_Encoding="deflate")).status == 200
    trace = await got(edge)
    info = trace["trace_info"]
    assert [span["name"] for span in trace["spans"]] == [ROOT.decode(), CHILD.decode()]
    assert (info["state"], info["execution_duration"], info["tags"]["service.name"]) == ("OK", "0.005s", "shop")
    assert json.loads(info["trace_metadata"]["mlflow.trace.tokenUsage"])["input_tokens"] == 7
    assert info["trace_metadata"]["mlflow.trace.session"] == "s1"
    found = quote("span.attributes.input.value = 'hi' AND metadata.`mlflow.trace.session` = 's1'")
    old = (await edge.call("GET", f"/api/2.0/mlflow/traces?experiment_ids=0&filter={found}")).json["traces"]
    assert [(each["request_id"], each["status"], each["execution_time_ms"]) for each in old] == [(NAME, "OK", 5)]
    artifact = await edge.call("GET", f"/ajax-api/2.0/mlflow/get-trace-artifact?request_id={NAME}")
    assert [span["name"] for span in artifact.json["spans"]] == [ROOT.decode(), CHILD.decode()]


async def test_json_says_the_same(edge: Edge) -> None:
    span = {"traceId": TRACE.hex(), "spanId": ROOT.hex(), "name": "json", "startTimeUnixNano": str(START)}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()
    answer = await export(edge, body, "application/json")
    assert (answer.status, answer.json) == (200, {})
    assert [each["name"] for each in (await got(edge))["spans"]] == ["json"]


async def test_what_cannot_be_taken_is_told_in_the_callers_words(edge: Edge) -> None:
    wrong = [
        (await export(edge, b"\xff\xff"), "Invalid OpenTelemetry format"),
        (await export(edge, b""), "no spans found"),
        (await export(edge, b"x", Content_Encoding="gzip"), "Failed to decompress gzip"),
        (await export(edge, b"x", Content_Encoding="br"), "Unsupported Content-Encoding: br"),
        (await export(edge, exported(), x_mlflow_experiment_id=""), "x-mlflow-experiment-id is missing"),
        (
            await export(edge, exported().replace(TRACE, TRACE[:-1] + b"\0"), x_mlflow_experiment_id="x"),
            "experiment ID",
        ),
    ]
    for answer, says in wrong:
        status = Status.FromString(answer.raw)
        assert (answer.status, status.code, answer.headers["content-type"]) == (400, 3, PROTOBUF), answer.raw
        assert says in status.message
    bomb = await export(edge, gzip.compress(b"\0" * (40 << 20)), Content_Encoding="gzip")
    assert bomb.status == 413
    assert (await export(edge, exported(), x_mlflow_experiment_id="987654")).status == 404
    as_client = await export(edge, b"\xff", User_Agent="mlflow-python-client/3.17.2")
    assert as_client.json["error_code"] == "INVALID_PARAMETER_VALUE"
    assert (await export(edge, b"{", "application/json")).json["code"] == 3
    assert (await export(edge, b"x", "text/plain")).status == 400
    assert (await edge.call("GET", f"/api/3.0/mlflow/traces/{NAME}")).status == 404


async def test_traces_as_before_3_0(edge: Edge) -> None:
    start = {"experiment_id": "0", "timestamp_ms": 1000, "tags": [{"key": "a", "value": "b"}]}
    made = (await edge.call("POST", "/api/2.0/mlflow/traces", start)).json["trace_info"]
    assert made["status"] == "IN_PROGRESS"
    path = f"/api/2.0/mlflow/traces/{made['request_id']}"
    end = {"timestamp_ms": 1250, "status": "ERROR", "request_metadata": [{"key": "m", "value": "1"}]}
    ended = (await edge.call("PATCH", path, end)).json["trace_info"]
    assert (ended["status"], ended["execution_time_ms"]) == ("ERROR", 250)
    assert (await edge.call("GET", f"{path}/info")).json["trace_info"] == ended


async def test_another_project_sees_none(edge: Edge) -> None:
    await export(edge, exported())
    other = await edge.token("editor", "other")
    for verb, path in (("GET", f"traces/{NAME}"), ("GET", f"traces/get?trace_id={NAME}")):
        assert (await edge.call(verb, f"/api/3.0/mlflow/{path}", token=other)).status == 404
    listed = await edge.call("GET", f"/api/3.0/mlflow/traces/batchGet?trace_ids={NAME}", token=other)
    assert listed.json == {}
    tag = await edge.call("PATCH", f"/api/3.0/mlflow/traces/{NAME}/tags", {"key": "a", "value": "b"}, token=other)
    assert tag.status == 404
    assert (await edge.call("POST", "/v1/traces", raw=b"x", token=await edge.token("viewer"))).status == 403
