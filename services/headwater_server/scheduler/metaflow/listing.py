"""Runs of Metaflow clients in the lists of all runs: their names, their steps, their tasks."""

import uuid
from collections.abc import Sequence
from typing import Any

from headwater.api.common.v1 import common_pb2
from headwater.api.scheduler.v1 import graph_pb2
from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.clock import timestamp
from headwater_server.kit.database import Database
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.scheduler import messages
from headwater_server.scheduler.metaflow.manifest import manifest_of
from headwater_server.scheduler.store import q

ENGINE = "metaflow"


async def complete(database: Database, runs: Sequence[pb.Run]) -> None:
    """What their rows in `runs` do not say: external ids, and of a single run its steps."""
    theirs = {uuid.UUID(run.run_id): run for run in runs if run.engine}
    if not theirs:
        return
    for row in await database.fetch(q.mf_names, list(theirs)):
        theirs[row["run_id"]].external_id = row["external_id"]
    for run in theirs.values():
        if run.HasField("graph"):
            names = [row["step"] for row in await database.fetch(q.mf_step_names, uuid.UUID(run.run_id))]
            steps = [graph_pb2.Step(name=name) for name in names]
            run.graph.CopyFrom(graph_pb2.Graph(flow=run.flow, steps=steps))


async def tasks(database: Database, request: pb.ListTasksRequest) -> pb.ListTasksResponse:
    size = page_size(request.page_size, default=1000, most=1000 if request.results else 5000)
    question = (request.run_id, request.step, request.state, request.task_id, request.results)
    after = (read_page_token(request.page_token, *question) or [0])[0]
    values = (uuid.UUID(request.run_id), request.step, request.state, request.task_id, after, size + 1)
    rows = await database.fetch(q.mf_list_tasks, *values)
    answer = pb.ListTasksResponse()
    for row in rows[:size]:
        answer.tasks.append(_task(row, await _result(database, row) if request.results else b""))
    if len(rows) > size:
        answer.next_page_token = page_token([rows[size - 1]["task_id"]], *question)
    return answer


async def _result(database: Database, row: Any) -> bytes:
    return manifest_of(await database.fetch(q.mf_new_artifacts, row["task_id"], row["attempt"], row["run_number"]))


def _task(row: Any, result: bytes) -> pb.Task:
    task = pb.Task(
        key=common_pb2.TaskKey(run_id=str(row["run_id"]), step=row["step"], index=row["task_id"]),
        task_id=row["exposed"],
        state=row["shown_state"],
        attempt=row["attempt"] + 1 if row["started_at"] else 0,
        retry_count=row["attempt"],
        created_at=timestamp(row["created_at"]),
        failure=messages.failure(row["failure"]),
        result=result,
        origin_run_id=str(row["origin_run_id"] or ""),
    )
    for name in ("started_at", "finished_at"):
        if row[name] is not None:
            getattr(task, name).CopyFrom(timestamp(row[name]))
    return task
