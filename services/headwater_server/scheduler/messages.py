"""Rows as the messages of scheduler.proto. Pure."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import ParseDict

from headwater.api.common.v1 import common_pb2
from headwater.api.scheduler.v1 import graph_pb2, scheduler_pb2
from headwater_server.kit import exact
from headwater_server.kit.clock import timestamp
from headwater_server.scheduler.graph import Plan
from headwater_server.scheduler.states import TaskState
from headwater_server.scheduler.tags import system_tags

_COUNTED = {
    TaskState.READY: "ready",
    TaskState.DISPATCHED: "running",
    TaskState.SUCCEEDED: "succeeded",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "cancelled",
}

# A row of a query, or a mapping with the same names.
Row = Any


def failure(body: dict[str, Any] | None) -> common_pb2.Failure | None:
    return ParseDict(body, common_pb2.Failure(), ignore_unknown_fields=True) if body else None


def actor(body: dict[str, Any]) -> common_pb2.Actor:
    return ParseDict(body, common_pb2.Actor())


def _duration(seconds: float) -> Duration:
    found = Duration()
    found.FromTimedelta(timedelta(seconds=seconds))
    return found


def _moment(value: datetime | None) -> Any:
    return timestamp(value) if value is not None else None


def counts(by_state: Mapping[int, int], pending: int) -> scheduler_pb2.TaskCounts:
    named = {_COUNTED[TaskState(state)]: number for state, number in by_state.items() if TaskState(state) in _COUNTED}
    return scheduler_pb2.TaskCounts(pending=pending, **named)


def run(
    row: Row, plan: Plan | None, tasks: scheduler_pb2.TaskCounts | None, waiting_for: str = ""
) -> scheduler_pb2.Run:
    """plan: None leaves the graph out, as lists do."""
    return scheduler_pb2.Run(
        run_id=str(row["run_id"]),
        project=row["project"],
        flow=row["flow"],
        state=row["state"],
        **exact.both("parameters", row["parameters"]),
        tags=row["tags"],
        created_at=_moment(row["created_at"]),
        finished_at=_moment(row["finished_at"]),
        failure=failure(row["failure"]),
        created_by=actor(row["created_by"]),
        code=ParseDict(row["code"], scheduler_pb2.Code()),
        graph=ParseDict(plan.json, graph_pb2.Graph()) if plan else None,
        origin_run_id=str(row["origin_run_id"] or ""),
        trigger=ParseDict(row["trigger"], common_pb2.TriggerSource()) if row["trigger"] else None,
        traceparent=row["traceparent"],
        tasks=tasks,
        waiting_for=waiting_for,
        priority=row["priority"],
        paused_at=_moment(row["paused_at"]),
        deadline=_moment(row["deadline"]),
        engine=row["engine"],
        cached=(row["reuse"] or {}).get("mode") == "cached",
        system_tags=system_tags(row),
        tags_version=row["tags_version"],
    )


def task(row: Row, plan: Plan, waiting: Mapping[str, str]) -> scheduler_pb2.Task:
    """waiting: step → why a ready task of it waits."""
    key = plan.key(str(row["run_id"]), row["step"], row["path"], row["index"])
    return scheduler_pb2.Task(
        key=common_pb2.TaskKey(run_id=str(row["run_id"]), step=row["step"], path=row["path"], index=row["index"]),
        task_id=key.task_id,
        state=row["state"],
        attempt=row["attempt"],
        retry_count=row["retry_count"],
        pool=row["pool"],
        created_at=_moment(row["created_at"]),
        started_at=_moment(row["started_at"]),
        finished_at=_moment(row["finished_at"]),
        failure=failure(row["failure"]),
        result=row["shown"] or b"",
        worker=row["worker"] or "",
        origin_run_id=str(row["origin_run_id"] or ""),
        waiting_for=waiting.get(row["step"], "") if row["state"] == TaskState.READY else "",
    )


def deployment(row: Row, plan: Plan) -> scheduler_pb2.Deployment:
    return scheduler_pb2.Deployment(
        project=row["project"],
        name=row["name"],
        version=row["version"],
        graph=ParseDict(plan.json, graph_pb2.Graph()),
        code=ParseDict(row["code"], scheduler_pb2.Code()),
        **exact.both("parameters", row["parameters"]),
        triggers=[ParseDict(t, scheduler_pb2.Trigger()) for t in row["triggers"]],
        deployed_at=_moment(row["deployed_at"]),
        deployed_by=actor(row["deployed_by"]),
        paused_at=_moment(row["paused_at"]),
        next_at=_moment(row["next_at"]),
        tags=row["tags"],
        max_workers=row["max_workers"],
        priority=row["priority"],
        timeout=_duration(row["timeout"]) if row["timeout"] else None,
    )


def worker(row: Row) -> scheduler_pb2.Worker:
    session: uuid.UUID = row["session_id"]
    return scheduler_pb2.Worker(
        session_id=str(session),
        pool=row["pool"],
        name=row["name"],
        slots=row["slots"],
        busy=row["busy"],
        labels=row["labels"],
        last_seen_at=_moment(row["seen_at"]),
        opened_at=_moment(row["opened_at"]),
        gpus=row["gpus"],
        gpus_busy=row["gpus_busy"],
        memory_mb=row["memory_mb"],
        cpus=row["cpus"],
    )
