"""MLflow's traces: each endpoint of both versions of its API, what it may hold, and the right it needs."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from starlette.responses import Response

from headwater_server.gateway.mlflow.assessments import read_assessment
from headwater_server.gateway.mlflow.calls import OfTracking
from headwater_server.gateway.mlflow.endpoints import Endpoint, Reply
from headwater_server.gateway.mlflow.fields import Field, Fields, at_most, checked, invalid, may, missing, need
from headwater_server.gateway.request import Request, answer
from headwater_server.kit.service import ServiceKit

PATH = "/mlflow/traces"
MOST = 500
Body = dict[str, Any]
_STATES = ("STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS")
_LEGACY = ("TRACE_STATUS_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS")


def check_texts(name: str) -> Callable[[Any], None]:
    """A check of a map from texts to texts."""

    def check(values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            if not isinstance(value, str) or "\0" in value or "\0" in key:
                raise invalid(name, value)

    return check


_INFO: dict[str, Field] = {
    "trace_id": need("string"),
    "client_request_id": may("string"),
    "trace_location": need("dict"),
    "request_preview": may("string"),
    "response_preview": may("string"),
    "request_time": may("string"),
    "execution_duration": may("string"),
    "state": may("enum"),
    "trace_metadata": may("dict", check_texts("trace_metadata")),
    "tags": may("dict", check_texts("tags")),
    "assessments": may("array"),
}
_TAG: dict[str, Field] = {"key": need("string"), "value": may("string")}
_SEARCH: dict[str, Field] = {
    "filter": may("string"),
    "max_results": may("int", at_most(MOST)),
    "order_by": may("strings"),
    "page_token": may("string"),
}
_MANY: dict[str, Field] = {"trace_ids": need("strings"), "experiment_ids": may("strings")}
_DELETE: dict[str, Field] = {
    "experiment_id": need("string"),
    "max_timestamp_millis": may("int"),
    "max_traces": may("int"),
    "request_ids": may("strings"),
}
_CORRELATION: dict[str, Field] = {
    "experiment_ids": need("strings"),
    "filter_string1": need("string"),
    "filter_string2": need("string"),
    "base_filter": may("string"),
}
_OLD: dict[str, Field] = {"timestamp_ms": may("int"), "request_metadata": may("array"), "tags": may("array")}


class Traces:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._call = OfTracking(kit)

    def endpoints(self) -> Iterator[Endpoint]:
        read, log, write = "experiments:read", "experiments:log", "experiments:write"
        yield Endpoint("POST", PATH, log, self._start, {"trace": need("dict")}, "3.0")
        yield Endpoint("POST", f"{PATH}/search", read, self._search, _SEARCH | {"locations": need("array")}, "3.0")
        one = {"trace_id": need("string"), "allow_partial": may("bool")}
        yield Endpoint("GET", f"{PATH}/get", read, self._passed("Read", "traces/get"), one, "3.0")
        yield Endpoint("GET", f"{PATH}/batchGet", read, self._passed("Read", "traces/get-many"), _MANY, "3.0")
        yield Endpoint("POST", f"{PATH}/batchGetInfos", read, self._passed("Read", "traces/get-infos"), _MANY, "3.0")
        yield Endpoint("GET", f"{PATH}/{{trace_id}}", read, self._passed("Read", "traces/info"), {}, "3.0")
        correlate = self._passed("Read", "traces/correlate")
        yield Endpoint("POST", f"{PATH}/calculate-filter-correlation", read, correlate, _CORRELATION, "3.0")
        for version, name in (("3.0", "trace_id"), ("2.0", "request_id")):
            tags = f"{PATH}/{{{name}}}/tags"
            yield Endpoint("PATCH", tags, log, self._passed("Log", "traces/set-tag"), _TAG, version)
            yield Endpoint("DELETE", tags, log, self._passed("Log", "traces/delete-tag"), _TAG, version)
            delete = self._passed("Change", "traces/delete")
            yield Endpoint("POST", f"{PATH}/delete-traces", write, delete, _DELETE, version)
        link: Fields = {"trace_ids": need("strings"), "run_id": need("string")}
        yield Endpoint("POST", f"{PATH}/link-to-run", log, self._passed("Log", "traces/link-run"), link)
        prompts: Fields = {"trace_id": need("string"), "prompt_versions": need("array")}
        yield Endpoint("POST", f"{PATH}/link-prompts", log, self._link_prompts, prompts)
        yield from self._legacy(read, log)

    def _legacy(self, read: str, log: str) -> Iterator[Endpoint]:
        """As MLflow before 3.0 has them."""
        yield Endpoint("POST", PATH, log, self._start_old, _OLD | {"experiment_id": may("string")})
        yield Endpoint("GET", PATH, read, self._search_old, _SEARCH | {"experiment_ids": need("strings")})
        yield Endpoint("PATCH", f"{PATH}/{{request_id}}", log, self._end_old, _OLD | {"status": may("enum")})
        yield Endpoint("GET", f"{PATH}/{{request_id}}/info", read, self._info_old, {})

    def _passed(self, right: str, method: str) -> Callable[[Request, Body], Any]:
        """To tracking as it came; a trace that the path names is the one."""

        async def handle(request: Request, body: Body) -> Response:
            for name in ("trace_id", "request_id"):
                if name in request.path:
                    body["trace_id"] = request.path[name]
            return answer(await self._call(request, right, method, body))

        return handle

    async def _start(self, request: Request, body: Body) -> Reply:
        info: Any = body["trace"].get("trace_info", body["trace"].get("traceInfo"))
        if not isinstance(info, dict):
            raise missing("trace.trace_info")
        said = checked(info, _INFO)
        new = {name: said[name] for name in ("trace_id", "client_request_id", "request_preview", "response_preview",
                                             "tags") if name in said}  # fmt: skip
        new |= {
            "experiment_id": experiment_of(said["trace_location"], "trace_location"),
            "state": _named(said.get("state", 0), _STATES, "state"),
            "metadata": said.get("trace_metadata", {}),
            "assessments": [read_assessment(each) for each in said.get("assessments", [])],
        }
        if "request_time" in said:
            new["started_ms"] = read_time(said["request_time"], "request_time")
        if "execution_duration" in said:
            new["duration_ms"] = _read_length(said["execution_duration"], "execution_duration")
        return answer(await self._call(request, "Log", "traces/start", new))

    async def _search(self, request: Request, body: Body) -> Reply:
        places = [place for place in body.pop("locations") if _of_experiment(place)]
        body["experiment_ids"] = [experiment_of(place, "locations") for place in places]
        return answer(await self._call(request, "Read", "traces/search", body))

    async def _link_prompts(self, request: Request, body: Body) -> Reply:
        prompts: list[str] = []
        for number, each in enumerate(body["prompt_versions"]):
            version = (
                checked(each, {"name": need("string"), "version": need("int")}) if isinstance(each, dict) else None
            )
            if version is None:
                raise invalid(f"prompt_versions[{number}]", each)
            prompts.append(f"{version['name']}/{version['version']}")
        asked = {"trace_id": body["trace_id"], "prompts": prompts}
        return answer(await self._call(request, "Log", "traces/link-prompts", asked))

    async def _start_old(self, request: Request, body: Body) -> Reply:
        new = {
            "experiment_id": body.get("experiment_id", ""),
            "started_ms": body.get("timestamp_ms", 0),
            "state": "IN_PROGRESS",
            "metadata": _paired(body, "request_metadata"),
            "tags": _paired(body, "tags"),
            "legacy": True,
        }
        return answer(await self._call(request, "Log", "traces/start", new))

    async def _end_old(self, request: Request, body: Body) -> Reply:
        status = _named(body.get("status", 0), _LEGACY, "status")
        ended = {
            "trace_id": request.path["request_id"],
            "ended_ms": body.get("timestamp_ms", 0),
            "state": _STATES[_LEGACY.index(status)],
            "metadata": _paired(body, "request_metadata"),
            "tags": _paired(body, "tags"),
        }
        return answer(await self._call(request, "Log", "traces/end", ended))

    async def _info_old(self, request: Request, body: Body) -> Reply:
        asked = {"trace_id": request.path["request_id"], "legacy": True}
        return answer(await self._call(request, "Read", "traces/info", asked))

    async def _search_old(self, request: Request, body: Body) -> Reply:
        return answer(await self._call(request, "Read", "traces/search", body | {"legacy": True}))


def _of_experiment(place: Any) -> bool:
    """Others, e.g. tables of Databricks, are not here."""
    if not isinstance(place, dict):
        raise invalid("locations", place)
    return "mlflow_experiment" in place or "mlflowExperiment" in place


def experiment_of(place: Mapping[str, Any], name: str) -> str:
    """The experiment's id in a trace_location. Raises MlflowError."""
    inner: Any = place.get("mlflow_experiment", place.get("mlflowExperiment"))
    if not isinstance(inner, dict):
        raise missing(f"{name}.mlflow_experiment")
    return checked(inner, {"experiment_id": need("string")})["experiment_id"]


def _named(value: str | int, known: tuple[str, ...], name: str) -> str:
    if isinstance(value, int) and 0 <= value < len(known):
        return known[value]
    if value not in known:
        raise invalid(name, value)
    return str(value)


def read_time(text: str, name: str) -> int:
    """Milliseconds since 1970 of RFC 3339 text. Raises MlflowError."""
    at = Timestamp()
    try:
        at.FromJsonString(text)
    except ValueError:
        raise invalid(name, text) from None
    return at.ToMilliseconds()


def _read_length(text: str, name: str) -> int:
    length = Duration()
    try:
        length.FromJsonString(text)
    except ValueError:
        raise invalid(name, text) from None
    return max(length.ToMilliseconds(), 0)


def _paired(body: Body, name: str) -> dict[str, str]:
    """[{key, value}] as a dict."""
    found: dict[str, str] = {}
    for number, pair in enumerate(body.get(name, [])):
        if not isinstance(pair, dict):
            raise invalid(f"{name}[{number}]", pair)
        said = checked(pair, {"key": need("string"), "value": may("string")})
        found[said["key"]] = said.get("value", "")
    return found
