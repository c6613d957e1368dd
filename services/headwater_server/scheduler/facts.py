"""What the scheduler tells the world about tasks: the events of events.proto, as JSON, built by hand: there are two for
every task. A contract test holds them against the proto. Pure."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from headwater_server.kit.envelope import OutMessage, encode_json
from headwater_server.scheduler.assignments import RunInfo
from headwater_server.scheduler.keys import Key

# A larger manifest stays out of the event; whoever wants it asks the scheduler.
MANIFEST_MAX = 32 * 1024


def stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _about(info: RunInfo, key: Key, attempt: int, at: datetime, seq: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "runId": info.run_id,
        "project": info.project,
        "flow": info.flow,
        "step": key.step,
        "taskId": key.task_id,
        "at": stamp(at),
        "runSeq": str(seq),
    }
    if attempt:
        body["attempt"] = attempt
    return body


def _encode(kind: str, info: RunInfo, body: dict[str, Any], traceparent: str) -> OutMessage:
    return encode_json(
        kind, source="scheduler", project=info.project, identity=info.run_id, body=body, traceparent=traceparent
    )


def task_started(info: RunInfo, key: Key, attempt: int, at: datetime, seq: int, worker: str = "") -> OutMessage:
    body = _about(info, key, attempt, at, seq)
    if worker:
        body["worker"] = worker
    return _encode("task.started", info, body, info.traceparent)


def task_succeeded(
    info: RunInfo,
    key: Key,
    attempt: int,
    at: datetime,
    seq: int,
    *,
    result: bytes,
    started_at: datetime | None = None,
    foreach_width: int = 0,
    origin_run_id: str = "",
    traceparent: str = "",
    inputs: Sequence[tuple[Key, bool]] = (),
    depth: int = 0,
) -> OutMessage:
    """inputs: tasks whose results it was given; True: with all others of the step under the same path."""
    body = _about(info, key, attempt, at, seq)
    if key.path:
        body["path"] = key.path
    if key.index:
        body["index"] = key.index
    if started_at is not None:
        body["startedAt"] = stamp(started_at)
    if result and len(result) <= MANIFEST_MAX:
        body["manifestJson"] = _text(result)
    if foreach_width:
        body["foreachWidth"] = foreach_width
    if origin_run_id:
        body["originRunId"] = origin_run_id
    if inputs:
        body["inputs"] = [_input(given, every) for given, every in inputs]
    if depth:
        body["depth"] = depth
    return _encode("task.succeeded", info, body, traceparent or info.traceparent)


def _input(key: Key, every: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"step": key.step}
    if key.path:
        body["path"] = key.path
    if every:
        body["all"] = True
    elif key.index:
        body["index"] = key.index
    return body


def _text(result: bytes) -> str:
    """Manifests are JSON text; a worker in another language may have left anything."""
    try:
        return result.decode()
    except UnicodeDecodeError:
        return base64.b64encode(result).decode()


def task_failed(
    info: RunInfo, key: Key, attempt: int, at: datetime, seq: int, *, failure: dict[str, Any], will_retry: bool
) -> OutMessage:
    body = _about(info, key, attempt, at, seq) | {"failure": failure}
    if will_retry:
        body["willRetry"] = True
    return _encode("task.failed", info, body, info.traceparent)


def run_over(kind: str, info: RunInfo, at: datetime, seq: int, created_at: datetime, **more: Any) -> OutMessage:
    """run.succeeded, run.failed (failure, step, taskId) or run.cancelled (reason, actor)."""
    body = {
        "runId": info.run_id,
        "project": info.project,
        "flow": info.flow,
        "at": stamp(at),
        "duration": max(0.0, (at - created_at).total_seconds()),
        "runSeq": str(seq),
    }
    body.update((name, value) for name, value in more.items() if value)
    return _encode(kind, info, body, info.traceparent)


def run_revived(info: RunInfo, at: datetime, seq: int) -> OutMessage:
    body = {"runId": info.run_id, "project": info.project, "flow": info.flow, "at": stamp(at), "runSeq": str(seq)}
    return _encode("run.revived", info, body, info.traceparent)


def tags_changed(info: RunInfo, at: datetime, before: list[str], tags: list[str], version: int) -> OutMessage:
    body: dict[str, Any] = {"runId": info.run_id, "project": info.project, "flow": info.flow, "at": stamp(at)}
    lists = {
        "tags": tags,
        "added": [tag for tag in tags if tag not in before],
        "removed": [tag for tag in before if tag not in tags],
    }
    body |= {name: found for name, found in lists.items() if found} | {"tagsVersion": version}
    return _encode("run.tags_changed", info, body, info.traceparent)


def run_deleted(
    info: RunInfo, at: datetime, *, actor: dict[str, Any], reason: str = "", heirs: Sequence[str] = ()
) -> OutMessage:
    return gone(
        info.run_id, info.project, info.flow, at, actor=actor, reason=reason, heirs=heirs, traceparent=info.traceparent
    )


def gone(
    run_id: str,
    project: str,
    flow: str,
    at: datetime,
    *,
    actor: dict[str, Any],
    reason: str = "",
    heirs: Sequence[str] = (),
    traceparent: str = "",
) -> OutMessage:
    """run.deleted of a run of which no more is known."""
    body: dict[str, Any] = {"runId": run_id, "project": project, "flow": flow, "at": stamp(at), "actor": actor}
    body.update((name, value) for name, value in (("reason", reason), ("heirs", list(heirs))) if value)
    return encode_json(
        "run.deleted", source="scheduler", project=project, identity=run_id, body=body, traceparent=traceparent
    )


def run_started(info: RunInfo, at: datetime, seq: int) -> OutMessage:
    body: dict[str, Any] = {
        "runId": info.run_id,
        "project": info.project,
        "flow": info.flow,
        "parameters": info.parameters,
        "tags": info.tags,
        "at": stamp(at),
        "actor": info.created_by,
        "codePackage": info.code.get("package", ""),
        "runSeq": str(seq),
    }
    if locks := info.plan.locks:
        body["locks"] = locks
    if info.origin_run_id:
        body["originRunId"] = info.origin_run_id
    if info.trigger:
        body["trigger"] = info.trigger
    return _encode("run.started", info, body, info.traceparent)
