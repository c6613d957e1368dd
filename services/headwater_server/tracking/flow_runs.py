"""How a flow's run and its tasks look as tracked runs: name, parameters, tags, ids of nested runs.

Owns the mapping from the scheduler's facts. Pure: events.py calls it, store.py writes the result.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking import limits

RUNNING, FINISHED, FAILED, KILLED = 1, 2, 3, 4
# The user's tags of a flow's run, as one tag of the tracked run.
TAGS = "headwater.tags"
FINAL = {"run.succeeded": FINISHED, "run.failed": FAILED, "run.cancelled": KILLED}


@dataclass(frozen=True)
class StartedRun:
    run: uuid.UUID
    project: str
    flow: str
    at: datetime
    params: dict[str, str]
    tags: dict[str, str]


def started_run(data: dict[str, Any], at: datetime) -> StartedRun:
    """The tracked run of a run.started fact (its JSON body)."""
    params = {
        key: parameter_text(value)
        for key, value in (data.get("parameters") or {}).items()
        if key.strip() and len(key) <= limits.MAX_KEY
    }
    return StartedRun(
        run=limits.check_run_id(data.get("runId")),
        project=data.get("project") or "default",
        flow=flow_of(data),
        at=moment(data.get("at"), at),
        params=params,
        tags=_tags(data),
    )


def flow_of(data: dict[str, Any]) -> str:
    flow = data.get("flow")
    if not isinstance(flow, str):
        raise InvalidArgument("flow: missing", field="flow")
    return limits.check_name(flow, "flow")


def moment(text: object, default: datetime) -> datetime:
    """An RFC 3339 time of a fact."""
    if not isinstance(text, str) or not text:
        return default
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise InvalidArgument(f"at: {text!r} is not an RFC 3339 time", field="at") from None


def parameter_text(value: Any) -> str:
    """A parameter as the text that is tracked: texts as they are, other values as JSON (whole numbers without .0)."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    text = text.replace("\0", "")
    return text if len(text) <= limits.MAX_PARAM else text[: limits.MAX_PARAM - 1] + "…"


def _tags(data: dict[str, Any]) -> dict[str, str]:
    trigger = data.get("trigger") or {}
    found = {
        "headwater.flow": data.get("flow"),
        "headwater.user": (data.get("actor") or {}).get("name"),
        TAGS: ",".join(data.get("tags") or []),
        "headwater.origin_run_id": data.get("originRunId"),
        "headwater.code_package": data.get("codePackage"),
        "headwater.trigger": trigger.get("eventName"),
        "headwater.trigger.event_id": trigger.get("eventId"),
        "headwater.deployment": trigger.get("deployment"),
    }
    return {key: str(value)[: limits.MAX_TAG] for key, value in found.items() if value}


def nested_id(run: uuid.UUID, task: str) -> uuid.UUID:
    """Id of the tracked run of one task of a foreach: the same whoever computes it."""
    return uuid.uuid5(run, task)


def nested_name(task: str) -> str:
    """ "train/3" -> "train[3]"."""
    step, _, task_id = task.partition("/")
    return f"{step}[{task_id}]"


def nested_tags(task: str) -> dict[str, str]:
    step, _, task_id = task.partition("/")
    return {"headwater.step": step, "headwater.task_id": task_id}
