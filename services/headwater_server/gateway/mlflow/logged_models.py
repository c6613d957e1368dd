"""MLflow's logged models: what `log_model` of an MLflow 3 client makes before it uploads any file."""

import secrets
from collections.abc import Iterator
from typing import Any

import msgspec

from headwater.api.registry.v1 import logged_models_pb2 as pb
from headwater.api.tracking.v1 import mlflow_pb2
from headwater_server.gateway.mlflow.calls import Calls
from headwater_server.gateway.mlflow.endpoints import Endpoint, Reply
from headwater_server.gateway.mlflow.errors import MlflowError
from headwater_server.gateway.mlflow.fields import invalid, may, missing, need, plain
from headwater_server.gateway.mlflow.registry import page
from headwater_server.gateway.mlflow.registry_names import pair
from headwater_server.gateway.mlflow.registry_shapes import millis, pairs, run_id_of
from headwater_server.gateway.request import Request
from headwater_server.kit.errors import NotFound
from headwater_server.kit.service import ServiceKit

PATH = "/mlflow/logged-models"
ONE = f"{PATH}/{{model_id}}"
STATES = ("LOGGED_MODEL_STATUS_UNSPECIFIED", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED")
Body = dict[str, Any]


class LoggedModels:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._call, self._tracking = Calls(kit, "registry"), Calls(kit, "tracking")

    def endpoints(self) -> Iterator[Endpoint]:
        read, write = "experiments:read", "experiments:log"
        create = {name: may("string") for name in ("name", "model_type", "source_run_id")}
        create |= {"experiment_id": need("string"), "params": may("array"), "tags": may("array")}
        search = {
            "experiment_ids": need("strings"),
            "filter": may("string"),
            "datasets": may("array"),
            "max_results": may("int"),
            "order_by": may("array"),
            "page_token": may("string"),
        }
        yield Endpoint("POST", PATH, write, self._create, create)
        yield Endpoint("POST", f"{PATH}/search", read, self._search, search)
        yield Endpoint("GET", ONE, read, self._get, {"allow_deleted": may("bool")})
        yield Endpoint("PATCH", ONE, write, self._finalize, {"status": need("enum")})
        yield Endpoint("DELETE", ONE, write, self._delete, {})
        yield Endpoint("POST", f"{ONE}/params", write, self._log_params, {"params": may("array")})
        yield Endpoint("PATCH", f"{ONE}/tags", write, self._set_tags, {"tags": may("array")})
        yield Endpoint("DELETE", f"{ONE}/tags/{{tag_key}}", write, self._delete_tag, {})

    async def _create(self, request: Request, body: Body) -> Reply:
        if (name := body.get("name")) is not None and not name:
            raise missing("name")
        message = pb.CreateLoggedModelRequest(
            experiment_id=body["experiment_id"],
            name=name or f"model-{secrets.token_hex(4)}",
            type=body.get("model_type", ""),
            source_run_id=body.get("source_run_id", ""),
            artifact_root=f"{await self._location(request, body['experiment_id'])}/models",
            params=_pairs(body, "params"),
            tags=_pairs(body, "tags"),
        )
        reply = await self._call(request, "CreateLoggedModel", message)
        return {"model": shown(reply.model)}

    async def _location(self, request: Request, experiment_id: str) -> str:
        """Where the experiment keeps artifacts. Raises MlflowError when it is deleted."""
        asked = msgspec.json.encode({"experiment_id": experiment_id})
        message = mlflow_pb2.ReadMlflowRequest(method="experiments/get", json=asked)
        found = msgspec.json.decode((await self._tracking(request, "ReadMlflow", message)).json)["experiment"]
        if found.get("lifecycle_stage") == "deleted":
            raise MlflowError(
                f"The experiment {experiment_id} must be in the 'active' state. Current state is deleted."
            )
        return found["artifact_location"].rstrip("/")

    async def _search(self, request: Request, body: Body) -> Reply:
        if not body["experiment_ids"]:
            raise missing("experiment_ids")
        message = pb.SearchLoggedModelsRequest(
            experiment_ids=body["experiment_ids"],
            filter=body.get("filter", ""),
            datasets=[_dataset(item) for item in body.get("datasets", [])],
            order_by=[_order(item) for item in body.get("order_by", [])],
            page_size=max(body.get("max_results", 0), 0),
            page_token=body.get("page_token", ""),
        )
        reply = await self._call(request, "SearchLoggedModels", message)
        return page("models", [shown(model) for model in reply.models], reply.next_page_token)

    async def _get(self, request: Request, body: Body) -> Reply:
        message = pb.GetLoggedModelRequest(model_id=_id(request), deleted=body.get("allow_deleted", False))
        return {"model": shown((await self._call(request, "GetLoggedModel", message)).model)}

    async def _finalize(self, request: Request, body: Body) -> Reply:
        message = pb.UpdateLoggedModelRequest(model_id=_id(request), state=_state(body["status"]))
        return {"model": shown((await self._call(request, "UpdateLoggedModel", message)).model)}

    async def _delete(self, request: Request, body: Body) -> Reply:
        await self._call(request, "DeleteLoggedModel", pb.DeleteLoggedModelRequest(model_id=_id(request)))
        return {}

    async def _log_params(self, request: Request, body: Body) -> Reply:
        message = pb.UpdateLoggedModelRequest(model_id=_id(request), params=_pairs(body, "params"))
        await self._call(request, "UpdateLoggedModel", message)
        return {}

    async def _set_tags(self, request: Request, body: Body) -> Reply:
        message = pb.UpdateLoggedModelRequest(model_id=_id(request), set_tags=_pairs(body, "tags"))
        await self._call(request, "UpdateLoggedModel", message)
        return {}

    async def _delete_tag(self, request: Request, body: Body) -> Reply:
        key = request.path["tag_key"]
        message = pb.UpdateLoggedModelRequest(model_id=_id(request), delete_tags=[key])
        try:
            await self._call(request, "UpdateLoggedModel", message)
        except NotFound as error:
            raise MlflowError(error.message, "RESOURCE_DOES_NOT_EXIST") from None
        return {}


def _id(request: Request) -> str:
    return request.path["model_id"]


def _pairs(body: Body, name: str) -> dict[str, str]:
    return dict(pair(item, name) for item in body.get(name, []))


def _state(value: Any) -> Any:
    if isinstance(value, str) and value in STATES:
        return STATES.index(value)
    if value in range(len(STATES)):
        return value
    raise invalid("status", value)


def _dataset(item: Any) -> pb.LoggedModelDataset:
    if not isinstance(item, dict):
        raise invalid("datasets", item)
    name, digest = item.get("dataset_name") or "", item.get("dataset_digest") or ""
    if not isinstance(name, str) or not isinstance(digest, str):
        raise invalid("datasets", item)
    return pb.LoggedModelDataset(name=name, digest=digest)


def _order(item: Any) -> pb.LoggedModelOrder:
    if not isinstance(item, dict) or not isinstance(item.get("field_name"), str):
        raise invalid("order_by", item)
    return pb.LoggedModelOrder(
        field=item["field_name"], descending=item.get("ascending", True) is False, dataset=_dataset(item)
    )


def shown(m: pb.LoggedModel) -> dict[str, Any]:
    """A logged model as MLflow shows it."""
    info: dict[str, Any] = {
        "model_id": m.model_id,
        "experiment_id": m.experiment_id,
        "name": m.name,
        "creation_timestamp_ms": millis(m.created_at),
        "last_updated_timestamp_ms": millis(m.updated_at),
        "artifact_uri": m.artifact_uri,
        "status": STATES[m.state],
        "model_type": m.type,
        "source_run_id": run_id_of(m.source_run_id),
    }
    data: dict[str, Any] = {}
    if m.tags:
        info["tags"] = pairs(m.tags)
    if m.params:
        data["params"] = pairs(m.params)
    if m.metrics:
        data["metrics"] = [_metric(metric) for metric in m.metrics]
    return {"info": info, "data": data}


def _metric(m: pb.LoggedModelMetric) -> dict[str, Any]:
    found: dict[str, Any] = {
        "key": m.key,
        "value": plain(m.value),
        "timestamp": m.timestamp_ms,
        "step": m.step,
        "model_id": m.model_id,
        "run_id": m.run_id,
    }
    if m.dataset_name:
        found |= {"dataset_name": m.dataset_name, "dataset_digest": m.dataset_digest}
    return found
