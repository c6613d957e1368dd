"""The message that hands one attempt to a worker: TaskAssignment in the protobuf JSON mapping, built by hand, for it
is on the path of every task. Pure."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headwater_server.kit.auth import Actor, mint_task_token
from headwater_server.scheduler.graph import Plan
from headwater_server.scheduler.keys import Key
from headwater_server.scheduler.reuse import Reuse


@dataclass(frozen=True)
class RunInfo:
    """What never changes about a run."""

    run_id: str
    project: str
    flow: str
    plan: Plan = field(repr=False)
    code: dict[str, Any]
    parameters: dict[str, Any]
    tags: list[str]
    priority: int
    max_workers: int
    created_by: dict[str, Any]
    role: str
    traceparent: str
    origin_run_id: str
    trigger: dict[str, Any] | None
    deployment: str
    # "": the scheduler executes it; else somebody else does, and tells of it.
    engine: str = ""
    # How tasks are taken over from earlier runs; None: none are.
    reuse: Reuse | None = None


@dataclass(frozen=True)
class Dispatch:
    """One attempt that has been decided on."""

    info: RunInfo
    key: Key
    attempt: int
    retry_count: int
    widths: tuple[int, ...]
    caught: dict[str, Any] | None = None


@dataclass(frozen=True)
class Input:
    """The result of a task that another depends on."""

    key: Key
    attempt: int
    result: bytes

    def json(self) -> dict[str, Any]:
        return {"key": key_json(self.key), "attempt": self.attempt, "result": base64.b64encode(self.result).decode()}


def key_json(key: Key) -> dict[str, Any]:
    body: dict[str, Any] = {"runId": key.run_id, "step": key.step}
    if key.path:
        body["path"] = key.path
    if key.index:
        body["index"] = key.index
    return body


def build(d: Dispatch, inputs: list[Input], join_width: int, secret: str) -> dict[str, Any]:
    """inputs: of a plain step or a narrow join; join_width: of a join whose worker is to ask for the results."""
    info, step = d.info, d.info.plan[d.key.step]
    body: dict[str, Any] = {
        "key": key_json(d.key),
        "attempt": d.attempt,
        "retryCount": d.retry_count,
        "project": info.project,
        "flow": info.flow,
        "step": step.json,
        "code": info.code,
        "parameters": info.parameters,
        "dispatchedAt": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "token": _token(d, secret),
        "createdBy": info.created_by,
    }
    if inputs:
        body["inputs"] = [item.json() for item in inputs]
    if join_width:
        body["joinWidth"] = join_width
    if d.key.indexes:
        body["frames"] = [
            {"step": around.name, "var": around.foreach, "index": index, "width": width}
            | ({"gang": True} if around.gang else {})
            for around, index, width in zip(info.plan.foreach_steps(step), d.key.indexes, d.widths, strict=True)
        ]
    optional = {
        "traceparent": info.traceparent,
        "caught": d.caught,
        "originRunId": info.origin_run_id,
        "tags": info.tags,
        "trigger": info.trigger,
        "reuse": info.reuse is not None,
    }
    body.update((name, value) for name, value in optional.items() if value)
    return body


def _token(d: Dispatch, secret: str) -> str:
    by = d.info.created_by
    return mint_task_token(
        secret,
        project=d.info.project,
        role=d.info.role,
        actor=Actor(by.get("kind", "user"), by.get("name", "")),
        run_id=d.key.run_id,
        step=d.key.step,
        path=d.key.path,
        index=d.key.index,
        attempt=d.attempt,
    )
