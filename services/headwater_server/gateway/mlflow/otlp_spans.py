"""Spans of OpenTelemetry's protocol as tracking keeps them: in MLflow's JSON, attributes as JSON in texts. Pure."""

import base64
import json
from collections.abc import Iterable
from typing import Any

import msgspec
from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from headwater_server.gateway.mlflow.otel_conventions import TYPE, translated
from headwater_server.kit.errors import InvalidArgument

REQUEST_ID = "mlflow.traceRequestId"
_STATUSES = {0: "UNSET", 1: "OK", 2: "ERROR"}
_IDS = ("traceId", "spanId", "parentSpanId")
# The SDK that sent them, and what only MLflow itself may say.
_SILENT = ("telemetry.sdk.", "mlflow.")
_INT64 = 2**63
MAX_DEPTH = 40


def read_request(body: bytes, *, as_json: bool) -> ExportTraceServiceRequest:
    """Raises InvalidArgument."""
    message = ExportTraceServiceRequest()
    try:
        if as_json:
            Parse(_with_base64(body), message, ignore_unknown_fields=True)
        else:
            message.ParseFromString(body)
    except (DecodeError, ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidArgument(f"Invalid OpenTelemetry format: {error}", field="body") from None
    if not message.resource_spans:
        raise InvalidArgument("Invalid OpenTelemetry format - no spans found", field="body")
    return message


def _with_base64(body: bytes) -> bytes:
    """OpenTelemetry's JSON has ids in hex, protobuf's has bytes in base64."""
    value: Any = msgspec.json.decode(body)
    for resource in value.get("resourceSpans", []):
        for scope in resource.get("scopeSpans", []):
            for span in scope.get("spans", []):
                for item in (span, *span.get("links", [])):
                    for name in _IDS:
                        if digits := item.get(name):
                            item[name] = base64.b64encode(bytes.fromhex(digits)).decode()
    return msgspec.json.encode(value)


def spans_of(message: ExportTraceServiceRequest) -> tuple[list[dict[str, Any]], dict[str, dict[str, str]]]:
    """Spans, and per trace what their resource says. Raises InvalidArgument."""
    spans: list[dict[str, Any]] = []
    resources: dict[str, dict[str, str]] = {}
    for group in message.resource_spans:
        said = {
            key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for key, value in _values(group.resource.attributes).items()
            if not key.startswith(_SILENT)
        }
        for scope in group.scope_spans:
            for each in scope.spans:
                span = _span(each)
                spans.append(span)
                resources.setdefault(span["trace_id"], {}).update(said)
    return spans, resources


def _span(span: Span) -> dict[str, Any]:
    if len(span.trace_id) != 16 or len(span.span_id) != 8 or len(span.parent_span_id) not in (0, 8):
        raise InvalidArgument(
            f"Cannot convert OpenTelemetry span to MLflow span: the ids of {span.name[:100]!r} have "
            f"{len(span.trace_id)} and {len(span.span_id)} bytes, not 16 and 8",
            field="spans",
        )
    if max(span.start_time_unix_nano, span.end_time_unix_nano) >= _INT64:
        raise InvalidArgument(f"The times of span {span.name[:100]!r} are no nanoseconds since 1970", field="spans")
    trace = f"tr-{span.trace_id.hex()}"
    attributes = {key: _dumped(value) for key, value in _values(span.attributes).items()}
    attributes = translated(attributes | {REQUEST_ID: json.dumps(trace)})
    kind = json.loads(attributes.get(TYPE, "null"))
    status, message = _STATUSES.get(span.status.code, "UNSET"), _clean(span.status.message)
    parent = span.parent_span_id
    return {
        "trace_id": trace,
        "span_id": span.span_id.hex(),
        "parent_id": parent.hex() or None,
        "name": _clean(span.name),
        "type": kind if isinstance(kind, str) else None,
        "status": status,
        "start_ns": span.start_time_unix_nano,
        "end_ns": span.end_time_unix_nano or None,
        "content": {
            "trace_id": _base64(span.trace_id),
            "span_id": _base64(span.span_id),
            "parent_span_id": _base64(parent) if parent else None,
            "name": _clean(span.name),
            "start_time_unix_nano": span.start_time_unix_nano,
            "end_time_unix_nano": span.end_time_unix_nano or None,
            "events": [
                {
                    "name": _clean(event.name),
                    "time_unix_nano": event.time_unix_nano,
                    "attributes": _values(event.attributes),
                }
                for event in span.events
            ],
            "status": {"code": f"STATUS_CODE_{status}", "message": message},
            "attributes": attributes,
            "links": [
                {
                    "trace_id": f"tr-{link.trace_id.hex()}",
                    "span_id": link.span_id.hex(),
                    "attributes": _values(link.attributes),
                }
                for link in span.links
            ],
        },
    }


def _values(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    return {_clean(each.key): _value(each.value) for each in attributes}


def _value(value: AnyValue, depth: int = 0) -> Any:
    if depth > MAX_DEPTH:
        raise InvalidArgument(f"an attribute has more than {MAX_DEPTH} levels", field="spans")
    kind = value.WhichOneof("value")
    match kind:
        case None:
            return None
        case "string_value":
            return _clean(value.string_value)
        case "array_value":
            return [_value(each, depth + 1) for each in value.array_value.values]
        case "kvlist_value":
            return {_clean(each.key): _value(each.value, depth + 1) for each in value.kvlist_value.values}
        case "bytes_value":
            return _base64(value.bytes_value)
        case _:
            return getattr(value, kind)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _clean(text: str) -> str:
    """Postgres keeps no NUL."""
    return text.replace("\0", "")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
