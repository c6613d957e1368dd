"""Rows as the JSON of MLflow's REST API: traces in both of its versions, spans as OpenTelemetry has them. Pure."""

import base64
import math
from collections.abc import Iterable
from typing import Any

import msgspec
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from headwater_server.tracking.mlflow.answers import experiment_id

_INT64 = 2**63
_SCALARS = (int, float, bool, str)
LEGACY_STATES = {"STATE_UNSPECIFIED": "TRACE_STATUS_UNSPECIFIED"}


def moment(millis: int) -> str:
    at = Timestamp()
    at.FromMilliseconds(millis)
    return at.ToJsonString()


def _length(millis: int) -> str:
    length = Duration()
    length.FromMilliseconds(millis)
    return length.ToJsonString()


def trace_info(row: Any, assessments: Iterable[Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "trace_id": row["trace_id"],
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment_id(row, "experiment", "experiment_id")},
        },
        "request_time": moment(row["started_ms"]),
        "state": row["state"],
        "trace_metadata": row["metadata"],
        "tags": row["tags"],
    }
    for name in ("client_request_id", "request_preview", "response_preview"):
        if row[name] is not None:
            answer[name] = row[name]
    if row["duration_ms"] is not None:
        answer["execution_duration"] = _length(row["duration_ms"])
    if said := [assessment(each) for each in assessments]:
        answer["assessments"] = said
    return answer


def legacy_info(row: Any) -> dict[str, Any]:
    """As MLflow before 3.0 shows a trace."""
    answer: dict[str, Any] = {
        "request_id": row["trace_id"],
        "experiment_id": experiment_id(row, "experiment", "experiment_id"),
        "timestamp_ms": row["started_ms"],
        "status": LEGACY_STATES.get(row["state"], row["state"]),
        "request_metadata": _pairs(row["metadata"]),
        "tags": _pairs(row["tags"]),
    }
    if row["duration_ms"] is not None:
        answer["execution_time_ms"] = row["duration_ms"]
    return answer


def _pairs(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def assessment(row: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "assessment_id": row["assessment_id"],
        "assessment_name": row["name"],
        "trace_id": row["trace_id"],
        "source": {"source_type": row["source_type"]},
        "create_time": moment(row["created_ms"]),
        "last_update_time": moment(row["updated_ms"]),
        "valid": row["valid"],
    }
    if row["source_id"] is not None:
        answer["source"]["source_id"] = row["source_id"]
    for name in ("span_id", "rationale", "overrides", "metadata"):
        if row[name]:
            answer[name] = row[name]
    match row["type"]:
        case "issue":
            answer["issue"] = {"issue_name": row["value"]}
        case "expectation":
            answer["expectation"] = _expectation(row["value"])
        case _:
            answer["feedback"] = {"value": row["value"]}
            if row["error"]:
                answer["feedback"]["error"] = row["error"]
    return answer


def _expectation(value: Any) -> dict[str, Any]:
    if isinstance(value, _SCALARS):
        return {"value": value}
    text = msgspec.json.encode(value).decode()
    return {"serialized_value": {"serialization_format": "JSON_FORMAT", "value": text}}


def otel_span(content: dict[str, Any]) -> dict[str, Any]:
    """A stored span in OpenTelemetry's JSON, with the names of its protobuf."""
    answer = {
        "trace_id": content["trace_id"],
        "span_id": content["span_id"],
        "name": content["name"],
        "start_time_unix_nano": content["start_time_unix_nano"],
        "attributes": [
            {"key": key, "value": any_value(_loaded(value))} for key, value in content["attributes"].items()
        ],
        "status": {"code": content["status"]["code"]},
    }
    if content["status"].get("message"):
        answer["status"]["message"] = content["status"]["message"]
    for name in ("parent_span_id", "end_time_unix_nano"):
        if content.get(name):
            answer[name] = content[name]
    if content.get("events"):
        answer["events"] = [event | {"attributes": _keyed(event["attributes"])} for event in content["events"]]
    if content.get("links"):
        answer["links"] = [
            {
                "trace_id": _bytes(link["trace_id"].removeprefix("tr-")),
                "span_id": _bytes(link["span_id"]),
                "attributes": _keyed(link.get("attributes")),
            }
            for link in content["links"]
        ]
    return answer


def _bytes(digits: str) -> str:
    return base64.b64encode(bytes.fromhex(digits)).decode()


def _keyed(attributes: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [{"key": key, "value": any_value(value)} for key, value in (attributes or {}).items()]


def _loaded(text: Any) -> Any:
    """Attributes are JSON in texts."""
    if not isinstance(text, str):
        return text
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def any_value(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {}
        case bool():
            return {"bool_value": value}
        case int() if -_INT64 <= value < _INT64:
            return {"int_value": value}
        case int():
            return {"string_value": str(value)}
        case float():
            named = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
            return {"double_value": value if math.isfinite(value) else named}
        case list():
            return {"array_value": {"values": [any_value(each) for each in value]}}
        case dict():
            return {"kvlist_value": {"values": [{"key": str(k), "value": any_value(v)} for k, v in value.items()]}}
        case _:
            return {"string_value": str(value)}
