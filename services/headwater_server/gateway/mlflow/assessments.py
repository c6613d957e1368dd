"""What people, judges and code say of a trace: MLflow's endpoints of assessments, and how their JSON is read."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from headwater_server.gateway.mlflow.calls import OfTracking
from headwater_server.gateway.mlflow.endpoints import Endpoint, Reply
from headwater_server.gateway.mlflow.errors import MlflowError
from headwater_server.gateway.mlflow.fields import Fields, checked, invalid, json_of, may, missing, need
from headwater_server.gateway.request import Request, answer
from headwater_server.kit.service import ServiceKit

PATH = "/mlflow/traces/{trace_id}/assessments"
MAX_STACK = 1000
Body = dict[str, Any]
_SOURCES = ("SOURCE_TYPE_UNSPECIFIED", "HUMAN", "LLM_JUDGE", "CODE")
_OLD_JUDGE = "AI_JUDGE"
_KINDS = ("feedback", "expectation", "issue")
_ERROR: Fields = {"error_code": need("string"), "error_message": may("string"), "stack_trace": may("string")}
_PARTS: Fields = {
    "assessment_id": may("string"),
    "assessment_name": may("string"),
    "trace_id": may("string"),
    "span_id": may("string"),
    "source": may("dict"),
    "create_time": may("string"),
    "last_update_time": may("string"),
    "feedback": may("dict"),
    "expectation": may("dict"),
    "issue": may("dict"),
    "rationale": may("string"),
    "metadata": may("dict"),
    "overrides": may("string"),
    "valid": may("bool"),
}


class Assessments:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._call = OfTracking(kit)

    def endpoints(self) -> Iterator[Endpoint]:
        read, log, one = "experiments:read", "experiments:log", f"{PATH}/{{assessment_id}}"
        made: Fields = {"assessment": need("dict")}
        yield Endpoint("POST", PATH, log, self._create, made, "3.0")
        yield Endpoint("GET", one, read, self._get, {}, "3.0")
        yield Endpoint("PATCH", one, log, self._update, made | {"update_mask": need("string")}, "3.0")
        yield Endpoint("DELETE", one, log, self._delete, {}, "3.0")

    async def _create(self, request: Request, body: Body) -> Reply:
        said = read_assessment(body["assessment"])
        asked = {"trace_id": request.path["trace_id"], "assessment": said}
        return answer(await self._call(request, "Log", "assessments/create", asked))

    async def _get(self, request: Request, body: Body) -> Reply:
        return answer(await self._call(request, "Read", "assessments/get", dict(request.path)))

    async def _update(self, request: Request, body: Body) -> Reply:
        """update_mask: names of the parts that are given, joined by commas, in camelCase or not."""
        given = {_snake(name.strip()) for name in body["update_mask"].split(",")}
        said = checked(body["assessment"], _PARTS)
        asked: Body = dict(request.path)
        if "assessment_name" in given:
            asked["name"] = said.get("assessment_name", "")
        kinds = [kind for kind in _KINDS if kind in given]
        if len(kinds) > 1:
            raise MlflowError("Cannot specify both `expectation` and `feedback` parameters.")
        if kinds:
            asked |= _value(said, kinds[0])
        for name in ("rationale", "metadata", "valid"):
            if name in given and name in said:
                asked[name] = _texts(said[name]) if name == "metadata" else said[name]
        return answer(await self._call(request, "Log", "assessments/update", asked))

    async def _delete(self, request: Request, body: Body) -> Reply:
        return answer(await self._call(request, "Log", "assessments/delete", dict(request.path)))


def read_assessment(item: Any) -> Body:
    """As tracking takes it. Raises MlflowError."""
    if not isinstance(item, dict):
        raise invalid("assessment", item)
    said = checked(item, _PARTS)
    kinds = [kind for kind in _KINDS if kind in said]
    if len(kinds) != 1:
        raise MlflowError("Exactly one of `expectation`, `feedback`, or `issue` should be specified.")
    if not said.get("assessment_name"):
        raise missing("assessment.assessment_name")
    now = Timestamp()
    now.GetCurrentTime()
    made = said.get("create_time", now.ToJsonString())
    found = _value(said, kinds[0]) | _source(said.get("source", {})) | {"name": said["assessment_name"]}
    found |= {name: said[name] for name in ("assessment_id", "span_id", "rationale", "overrides") if said.get(name)}
    found |= {
        "metadata": _texts(said.get("metadata", {})),
        "created_ms": _millis(made, "create_time"),
        "updated_ms": _millis(said.get("last_update_time", made), "last_update_time"),
        "valid": said.get("valid", True),
    }
    return found


def _value(said: Body, kind: str) -> Body:
    """Its type and value, and the error that kept a judge from one."""
    given = said.get(kind, {})
    match kind:
        case "issue":
            return {"type": kind, "value": checked(given, {"issue_name": may("string")}).get("issue_name", "")}
        case "expectation":
            inner: Any = given.get("serialized_value", given.get("serializedValue"))
            if inner is None:
                return {"type": kind, "value": given.get("value")}
            parts = checked(inner if isinstance(inner, dict) else {}, _SERIALIZED)
            if parts["serialization_format"] != "JSON_FORMAT":
                raise MlflowError(
                    f"Unknown serialization format: {parts['serialization_format']}. Only JSON_FORMAT is supported."
                )
            return {"type": kind, "value": json_of(parts["value"].encode())}
        case _:
            found: Body = {"type": kind, "value": given.get("value")}
            if isinstance(given.get("error"), dict):
                error = checked(given["error"], _ERROR)
                if "stack_trace" in error:
                    error["stack_trace"] = error["stack_trace"][-MAX_STACK:]
                found["error"] = error
            return found


_SERIALIZED: Fields = {"serialization_format": need("string"), "value": need("string")}


def _source(given: Body) -> Body:
    said = checked(given, {"source_type": may("enum"), "source_id": may("string")})
    kind = said.get("source_type", 0)
    if isinstance(kind, int) and 0 <= kind < len(_SOURCES):
        kind = _SOURCES[kind]
    kind = "LLM_JUDGE" if str(kind).upper() == _OLD_JUDGE else str(kind).upper()
    if kind not in _SOURCES:
        raise invalid("source.source_type", said["source_type"])
    found = {"source_type": kind}
    if said.get("source_id"):
        found["source_id"] = said["source_id"]
    return found


def _texts(values: Body) -> dict[str, str]:
    for value in values.values():
        if not isinstance(value, str) or "\0" in value:
            raise invalid("metadata", value)
    return values


def _millis(text: str, name: str) -> int:
    at = Timestamp()
    try:
        at.FromJsonString(text)
    except ValueError:
        raise invalid(name, text) from None
    return at.ToMilliseconds()


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
