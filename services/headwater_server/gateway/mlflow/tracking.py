"""Experiments, runs and what they log: each endpoint, what it may hold, and the right it needs.

Tracking reads the bodies itself: the frequent ones pass through as they came, and only where tracking cannot read one
are MLflow's words for what is wrong looked for here.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from headwater.api.registry.v1 import logged_models_pb2
from headwater.api.tracking.v1 import mlflow_pb2 as pb
from headwater_server.gateway.mlflow.endpoints import Endpoint, project_of
from headwater_server.gateway.mlflow.errors import MlflowError
from headwater_server.gateway.mlflow.fields import Fields, at_most, from_json, from_query, invalid, may, missing, need
from headwater_server.gateway.request import Request, answer
from headwater_server.gateway.rest.reading import grouped
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.service import ServiceKit

TIMEOUT = 60.0
_REQUESTS = {
    "ReadMlflow": pb.ReadMlflowRequest,
    "LogMlflow": pb.LogMlflowRequest,
    "ChangeMlflow": pb.ChangeMlflowRequest,
}
_ACTIONS = {
    "ReadMlflow": "experiments:read",
    "LogMlflow": "experiments:log",
    "ChangeMlflow": "experiments:write",
}


def _with_keys(name: str, *parts: str) -> Callable[[Any], None]:
    """A check of a list of objects: each has these parts."""

    def check(items: list[Any]) -> None:
        for number, item in enumerate(items):
            if not isinstance(item, Mapping):
                raise invalid(f"{name}[{number}]", item)
            for part in parts:
                if item.get(part) in (None, ""):
                    raise missing(f"{name}[{number}].{part}")

    return check


_RUN = need("string")
_TAG = {"key": need("string"), "value": may("string")}
_EXPERIMENT = {"experiment_id": need("string")}
_TAGS = may("array", _with_keys("tags", "key"))
_READS: dict[str, Fields] = {
    "experiments/get": _EXPERIMENT,
    "experiments/get-by-name": {"experiment_name": need("string")},
    "runs/get": {"run_id": _RUN},
    "metrics/get-history": {
        "run_id": _RUN, "metric_key": need("string"), "page_token": may("string"), "max_results": may("int"),
    },
    "metrics/get-history-bulk-interval": {
        "run_ids": need("strings"), "metric_key": need("string"), "start_step": may("int"), "end_step": may("int"),
        "max_results": may("int"),
    },
}  # fmt: skip
_SEARCHES: dict[str, Fields] = {
    "experiments/search": {
        "view_type": may("enum"), "max_results": may("int"), "order_by": may("strings"), "filter": may("string"),
        "page_token": may("string"),
    },
    "runs/search": {
        "experiment_ids": may("strings"), "filter": may("string"), "run_view_type": may("enum"),
        "max_results": may("int", at_most(50_000)), "order_by": may("strings"), "page_token": may("string"),
        "columns": may("strings"), "count_only": may("bool"),
    },
    "experiments/search-datasets": {"experiment_ids": may("strings")},
}  # fmt: skip
_LOGS: dict[str, Fields] = {
    "experiments/create": {"name": need("string"), "artifact_location": may("string"), "tags": _TAGS},
    "experiments/set-experiment-tag": _EXPERIMENT | _TAG,
    "runs/create": {
        "experiment_id": may("string"), "user_id": may("string"), "start_time": may("int"), "run_name": may("string"),
        "tags": _TAGS,
    },
    "runs/update": {"run_id": _RUN, "status": may("enum"), "end_time": may("int"), "run_name": may("string")},
    "runs/log-metric": {
        "run_id": _RUN, "key": need("string"), "value": need("float"), "timestamp": need("int"), "step": may("int"),
        "model_id": may("string"), "dataset_name": may("string"), "dataset_digest": may("string"),
    },
    "runs/log-batch": {
        "run_id": _RUN,
        "metrics": may("array", _with_keys("metrics", "key", "value", "timestamp")),
        "params": may("array", _with_keys("params", "key")),
        "tags": _TAGS,
    },
    "runs/log-parameter": {"run_id": _RUN} | _TAG,
    "runs/log-model": {"run_id": _RUN, "model_json": need("string")},
    "runs/log-inputs": {"run_id": _RUN, "datasets": may("array"), "models": may("array")},
    "runs/outputs": {"run_id": _RUN, "models": need("array")},
    "runs/set-tag": {"run_id": _RUN} | _TAG,
    "runs/delete-tag": {"run_id": _RUN, "key": need("string")},
}  # fmt: skip
_CHANGES: dict[str, Fields] = {
    "experiments/update": _EXPERIMENT | {"new_name": need("string")},
    "experiments/delete": _EXPERIMENT,
    "experiments/restore": _EXPERIMENT,
    "experiments/delete-experiment-tag": _EXPERIMENT | {"key": need("string")},
    "runs/delete": {"run_id": _RUN},
    "runs/restore": {"run_id": _RUN},
}
_FREQUENT = frozenset({
    "runs/create", "runs/update", "runs/log-metric", "runs/log-batch", "runs/log-parameter", "runs/set-tag",
    "runs/search",
})  # fmt: skip
_BULK = "metrics/get-history-bulk"
_SAMPLE = "metrics/get-history-bulk-interval"
MOST_POINTS, MOST_SAMPLE = 25_000, 2_500


class Tracking:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._kit = kit

    def endpoints(self) -> Iterator[Endpoint]:
        for method, fields in _READS.items():
            yield self._endpoint("GET", method, "ReadMlflow", self._asking(method, fields), fields)
        yield self._endpoint("GET", _BULK, "ReadMlflow", self._bulk, _READS["metrics/get-history"])
        for method, fields in _SEARCHES.items():
            yield self._endpoint("POST", method, "ReadMlflow", self._passing("ReadMlflow", method, fields), fields)
        search = "experiments/search"
        yield self._endpoint("GET", search, "ReadMlflow", self._asking(search, _SEARCHES[search]), _SEARCHES[search])
        for call, table in (("LogMlflow", _LOGS), ("ChangeMlflow", _CHANGES)):
            for method, fields in table.items():
                yield self._endpoint("POST", method, call, self._passing(call, method, fields), fields)

    def _endpoint(self, verb: str, method: str, call: str, handle: Any, fields: Fields) -> Endpoint:
        return Endpoint(verb, f"/mlflow/{method}", _ACTIONS[call], handle, reads=fields)

    def _asking(self, method: str, fields: Fields) -> Callable[[Request, dict[str, Any]], Awaitable[Response]]:
        async def handle(request: Request, body: dict[str, Any]) -> Response:
            asked = from_query(request.query, fields)
            if method == _SAMPLE:
                asked.setdefault("max_results", MOST_SAMPLE)
            return answer(await self._call(request, "ReadMlflow", method, msgspec.json.encode(asked)))

        return handle

    def _passing(
        self, call: str, method: str, fields: Fields
    ) -> Callable[[Request, dict[str, Any]], Awaitable[Response]]:
        async def handle(request: Request, body: dict[str, Any]) -> Response:
            raw = await request.body()
            if method not in _FREQUENT:
                raw = msgspec.json.encode(from_json(raw, fields))
            try:
                reply = await self._call(request, call, method, raw)
            except InvalidArgument as error:
                if error.reason != "SHAPE":
                    raise
                # Other spellings of names pass this way too.
                reply = await self._call(request, call, method, msgspec.json.encode(from_json(raw, fields)))
            if call == "LogMlflow" and reply != b"{}" and b'"model_metrics"' in reply[:20]:
                await self._log_on_models(request, reply)
                reply = b"{}"
            return answer(reply)

        return handle

    async def _bulk(self, request: Request, body: dict[str, Any]) -> Response:
        """Of the web UI of MLflow, which calls the runs run_id."""
        query = grouped(request.query)
        if not query.get("run_id"):
            raise MlflowError("GetMetricHistoryBulk request must specify at least one run_id.")
        if "metric_key" not in query:
            raise MlflowError("GetMetricHistoryBulk request must specify a metric_key.")
        most = query.get("max_results", [str(MOST_POINTS)])[0]
        asked = {"run_ids": query["run_id"], "metric_key": query["metric_key"][0], "max_results": most}
        return answer(await self._call(request, "ReadMlflow", _BULK, msgspec.json.encode(asked)))

    async def _call(self, request: Request, call: str, method: str, json: bytes) -> bytes:
        message = _REQUESTS[call](project=project_of(request), method=method, json=json)
        rpc = getattr(self._kit.client("tracking"), call)
        reply = await rpc(message, timeout=TIMEOUT, on_behalf=request.identity, traceparent=request.traceparent)
        return reply.json

    async def _log_on_models(self, request: Request, reply: bytes) -> None:
        """What was measured on models that runs have logged."""
        message = logged_models_pb2.LogModelMetricsRequest(project=project_of(request))
        for metric in msgspec.json.decode(reply)["model_metrics"]:
            message.metrics.add(
                model_id=metric["model_id"],
                run_id=metric["run_id"],
                key=metric["key"],
                value=float(metric["value"]),
                step=metric["step"],
                timestamp_ms=metric["timestamp"],
                dataset_name=metric["dataset_name"],
                dataset_digest=metric["dataset_digest"],
            )
        rpc = self._kit.client("registry").LogModelMetrics
        await rpc(message, timeout=TIMEOUT, on_behalf=request.identity, traceparent=request.traceparent)
