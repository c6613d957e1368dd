"""MLflow's webhooks: the registry keeps them, delivers and remembers."""

from collections.abc import Iterator
from typing import Any

from headwater.api.registry.v1 import webhooks_pb2 as pb
from headwater_server.gateway.mlflow.calls import Calls
from headwater_server.gateway.mlflow.endpoints import Endpoint, Reply
from headwater_server.gateway.mlflow.errors import MlflowError
from headwater_server.gateway.mlflow.fields import invalid, may, need
from headwater_server.gateway.mlflow.registry import page
from headwater_server.gateway.mlflow.registry_shapes import millis
from headwater_server.gateway.request import Request
from headwater_server.kit.service import ServiceKit

PATH = "/mlflow/webhooks"
ONE = f"{PATH}/{{webhook_id}}"
# By the numbers that protobuf's JSON takes as well.
ENTITIES = ("ENTITY_UNSPECIFIED", "REGISTERED_MODEL", "MODEL_VERSION", "MODEL_VERSION_TAG", "MODEL_VERSION_ALIAS",
            "PROMPT", "PROMPT_VERSION", "PROMPT_TAG", "PROMPT_VERSION_TAG", "PROMPT_ALIAS",
            "BUDGET_POLICY")  # fmt: skip
ACTIONS = ("ACTION_UNSPECIFIED", "CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED")
STATUSES = ("STATUS_UNSPECIFIED", "ACTIVE", "DISABLED")
Body = dict[str, Any]


class Webhooks:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._call = Calls(kit, "registry")

    def endpoints(self) -> Iterator[Endpoint]:
        read, write = "models:read", "models:promote"
        texts = {name: may("string") for name in ("name", "url", "description", "secret")}
        fields = texts | {"events": may("array"), "status": may("enum")}
        create = fields | {"name": need("string"), "url": need("string"), "events": need("array")}
        listed = {"max_results": may("int"), "page_token": may("string")}
        yield Endpoint("POST", PATH, write, self._create, create)
        yield Endpoint("GET", PATH, read, self._list, listed)
        yield Endpoint("GET", ONE, read, self._get, {})
        yield Endpoint("PATCH", ONE, write, self._update, fields)
        yield Endpoint("DELETE", ONE, write, self._delete, {})
        yield Endpoint("POST", f"{ONE}/test", write, self._test, {"event": may("dict")})

    async def _create(self, request: Request, body: Body) -> Reply:
        message = pb.CreateWebhookRequest(
            name=body["name"],
            url=body["url"],
            events=[_event(item) for item in body["events"]],
            description=body.get("description", ""),
            secret=body.get("secret", ""),
            disabled=_disabled(body.get("status", "ACTIVE")),
        )
        return {"webhook": _shown((await self._call(request, "CreateWebhook", message)).webhook)}

    async def _list(self, request: Request, body: Body) -> Reply:
        size = body.get("max_results", 100)
        if not 1 <= size <= 1000:
            raise MlflowError("max_results must be between 1 and 1000.")
        message = pb.ListWebhooksRequest(page_size=size, page_token=body.get("page_token", ""))
        reply = await self._call(request, "ListWebhooks", message)
        return page("webhooks", [_shown(webhook) for webhook in reply.webhooks], reply.next_page_token)

    async def _get(self, request: Request, body: Body) -> Reply:
        message = pb.GetWebhookRequest(webhook_id=request.path["webhook_id"])
        return {"webhook": _shown((await self._call(request, "GetWebhook", message)).webhook)}

    async def _update(self, request: Request, body: Body) -> Reply:
        message = pb.UpdateWebhookRequest(webhook_id=request.path["webhook_id"])
        for name in ("name", "url"):
            if body.get(name):
                setattr(message, name, body[name])
        for name in ("description", "secret"):
            if name in body:
                setattr(message, name, body[name])
        if body.get("events"):
            message.events.extend(_event(item) for item in body["events"])
        if "status" in body:
            message.disabled = _disabled(body["status"])
        return {"webhook": _shown((await self._call(request, "UpdateWebhook", message)).webhook)}

    async def _delete(self, request: Request, body: Body) -> Reply:
        await self._call(request, "DeleteWebhook", pb.DeleteWebhookRequest(webhook_id=request.path["webhook_id"]))
        return {}

    async def _test(self, request: Request, body: Body) -> Reply:
        event = _event(body["event"]) if "event" in body else ""
        message = pb.TestWebhookRequest(webhook_id=request.path["webhook_id"], event=event)
        reply = await self._call(request, "TestWebhook", message)
        result: dict[str, Any] = {"success": reply.success}
        if reply.status:
            result |= {"response_status": reply.status, "response_body": reply.body}
        if reply.error:
            result["error_message"] = reply.error
        return {"result": result}


def _named(value: Any, names: tuple[str, ...], what: str) -> str:
    if isinstance(value, str) and value in names[1:]:
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < len(names):
        return names[value]
    raise invalid(what, value)


def _event(item: Any) -> str:
    """ "model_version.created" of {"entity": "MODEL_VERSION", "action": "CREATED"}."""
    if not isinstance(item, dict):
        raise invalid("events", item)
    entity, action = (_named(item.get(key), names, key) for key, names in (("entity", ENTITIES), ("action", ACTIONS)))
    return f"{entity.lower()}.{action.lower()}"


def _disabled(status: Any) -> bool:
    return _named(status, STATUSES, "status") == "DISABLED"


def _shown(w: pb.Webhook) -> dict[str, Any]:
    events = [event.upper().partition(".") for event in w.events]
    found: dict[str, Any] = {
        "webhook_id": w.webhook_id,
        "name": w.name,
        "url": w.url,
        "events": [{"entity": entity, "action": action} for entity, _, action in events],
        "status": "DISABLED" if w.disabled else "ACTIVE",
        "creation_timestamp": millis(w.created_at),
        "last_updated_timestamp": millis(w.updated_at),
    }
    return found | ({"description": w.description} if w.description else {})
