"""Which webhook events a change is, in MLflow's words, and the rows that will deliver them: written with the change."""

import asyncio
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import msgspec

from headwater_server.kit.clock import now
from headwater_server.kit.database import load_queries
from headwater_server.kit.outbox import OutboxTransaction

q = load_queries(__package__)
PROMPT = "mlflow.prompt.is_prompt"
_PROMPT_TYPE, _PROMPT_TEXT = "_mlflow_prompt_type", "mlflow.prompt.text"
EVENTS = (
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
    "prompt.created",
    "prompt_version.created",
    "prompt_tag.set",
    "prompt_tag.deleted",
    "prompt_version_tag.set",
    "prompt_version_tag.deleted",
    "prompt_alias.created",
    "prompt_alias.deleted",
)
Told = list[tuple[str, dict[str, Any]]]
Tags = Mapping[str, str]


def is_prompt(tags: Tags) -> bool:
    return tags.get(PROMPT, "").lower() == "true"


def model_created(name: str, tags: Tags, description: str) -> Told:
    entity = "prompt" if is_prompt(tags) else "registered_model"
    return [(f"{entity}.created", {"name": name, "tags": _plain(tags), "description": description or None})]


def version_created(name: str, version: int, new: Mapping[str, Any]) -> Told:
    tags: Tags = new["tags"]
    common = {"name": name, "version": str(version), "tags": _plain(tags), "description": new["description"] or None}
    if is_prompt(tags):
        return [("prompt_version.created", common | {"template": tags.get(_PROMPT_TEXT)})]
    run_id = (new["lineage"] or {}).get("runId")
    return [("model_version.created", common | {"source": new["source"], "run_id": run_id})]


def tags_changed(name: str, version: int, before: Tags, after: Tags, prompt: bool) -> Told:
    """version 0: of the model itself, which only prompts tell of."""
    if not version and not prompt:
        return []
    entity = ("prompt_version_tag" if version else "prompt_tag") if prompt else "model_version_tag"
    about = {"name": name, "version": str(version)} if version else {"name": name}
    put = [(f"{entity}.set", about | {"key": k, "value": v}) for k, v in after.items() if before.get(k) != v]
    return put + [(f"{entity}.deleted", about | {"key": key}) for key in before.keys() - after.keys()]


def alias_moved(name: str, alias: str, version: int, prompt: bool) -> Told:
    """version 0: it was removed."""
    entity = "prompt_alias" if prompt else "model_version_alias"
    if not version:
        return [(f"{entity}.deleted", {"name": name, "alias": alias})]
    return [(f"{entity}.created", {"name": name, "alias": alias, "version": str(version)})]


def payload(event: str, data: dict[str, Any]) -> str:
    """The body of a call."""
    entity, _, action = event.partition(".")
    at = now().astimezone(UTC).isoformat()
    return msgspec.json.encode({"entity": entity, "action": action, "timestamp": at, "data": data}).decode()


def example(event: str) -> dict[str, Any]:
    """Data of the event, for a test of a webhook."""
    prompt = event.startswith("prompt")
    data: dict[str, Any] = {"name": "example_prompt" if prompt else "example_model"}
    entity, _, action = event.partition(".")
    if entity in ("registered_model", "prompt"):
        return data | {"tags": {"example_key": "example_value"}, "description": "An example registered model"}
    if entity.endswith("alias"):
        return data | {"alias": "example_alias"} | ({"version": "1"} if action == "created" else {})
    if entity != "prompt_tag":
        data["version"] = "1"
    if entity.endswith("tag"):
        return data | {"key": "example_key"} | ({"value": "example_value"} if action == "set" else {})
    data |= {"tags": {"example_key": "example_value"}, "description": "An example model version"}
    return data | ({"template": "Hello {{name}}!"} if prompt else {"source": "models:/123", "run_id": "abcd1234"})


def _plain(tags: Tags) -> dict[str, str]:
    hidden = (PROMPT, _PROMPT_TYPE, _PROMPT_TEXT) if is_prompt(tags) else ()
    return {key: value for key, value in tags.items() if key not in hidden}


class Hooks:
    """Queues deliveries in the transaction of the change; deliveries.py sends them."""

    def __init__(self, wake: asyncio.Event) -> None:
        self._wake = wake

    async def tell(self, tx: OutboxTransaction, project: str, told: Told) -> None:
        for event, data in told:
            done = await tx.conn.execute(q.queue_deliveries, project, event, payload(event, data))
            if not done.endswith(" 0"):
                tx.after_commit(self._wake.set)
