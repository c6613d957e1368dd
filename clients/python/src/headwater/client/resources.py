"""The requests behind the client's objects: runs and tasks, as the JSON of the API.

Each function is one filtered request (or its pages); nothing is fetched item by item.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from headwater.client import spins
from headwater.client.http import API, Json, connect, segment
from headwater.client.locate import Server
from headwater.errors import NotFound

FINAL_RUN = frozenset(("RUN_STATE_SUCCEEDED", "RUN_STATE_FAILED", "RUN_STATE_CANCELLED"))
FINAL_TASK = frozenset(("TASK_STATE_SUCCEEDED", "TASK_STATE_FAILED", "TASK_STATE_CANCELLED", "TASK_STATE_SKIPPED"))


def caller() -> str:
    """The name that the platform knows this process by; asked for once."""
    conn = connect()
    known = _callers.get(conn.server)
    if known is None:
        known = conn.call("GET", f"{API}/caller").get("actor", {}).get("name", "")
        _callers[conn.server] = known
    return known


_callers: dict[Server, str] = {}


def get_run(run_id: str, flow: str = "") -> Json:
    """A run by its id, a unique end of it, or "latest": of the flow, where one is given. Raises NotFound."""
    if spins.root:
        return spins.get_run(run_id)
    if flow and run_id == "latest":
        for run in list_runs(flow=flow, limit=1):
            return run
        raise NotFound(f"flow {flow} has no run yet", field="pathspec", hint="start one with `run`")
    conn = connect()
    return conn.call("GET", f"{API}/runs/{segment(run_id)}", query={"project": conn.project})["run"]


def change_tags(run_id: str, *, remove: Iterable[str] = (), add: Iterable[str] = ()) -> Json:
    """The run after the change, which is one: removals first. Raises InvalidArgument for a tag of the system."""
    body = {"remove": list(remove), "add": list(add)}
    return connect().call("POST", f"{API}/runs/{segment(run_id)}/tags", body, repeatable=True)["run"]


def list_runs(*, flow: str = "", state: str = "", tag: str = "", limit: int = 0, **filters: Any) -> Iterator[Json]:
    """Runs, newest first; at most `limit` when it is given. tags: those that a run must have all."""
    conn = connect()
    query = {"flow": flow, "state": state, "tag": tag, **filters}
    path = f"{API}/projects/{segment(conn.project)}/runs"
    for count, run in enumerate(conn.pages(path, "runs", query, page_size=min(limit or 200, 200)), 1):
        yield run
        if count == limit:
            return


def list_tasks(run_id: str, *, step: str = "", task_id: str = "", results: bool = False) -> list[Json]:
    """Tasks of a run in the order of the graph and of their indexes; results: with their manifests."""
    if spins.root:
        return spins.list_tasks(run_id, step, task_id)
    query = {"step": step, "taskId": task_id, "results": results or None}
    return list(connect().pages(f"{API}/runs/{segment(run_id)}/tasks", "tasks", query))


def list_flows(tags: Iterable[str] = ()) -> list[Json]:
    """Flows that have runs with all of these tags."""
    conn = connect()
    path = f"{API}/projects/{segment(conn.project)}/flows"
    return conn.call("GET", path, query={"tags": list(tags)}).get("flows", [])


def get_task(run_id: str, step: str, task_id: str, *, results: bool = True) -> Json:
    """One task. Raises NotFound."""
    for task in list_tasks(run_id, step=step, task_id=task_id, results=results):
        if task_id_of(task) == task_id:
            return task
    raise NotFound(f"run {run_id} has no task {step}/{task_id}", field="task_id")


def task_id_of(task: Json) -> str:
    return task.get("taskId") or "0"


def list_logs(run_id: str, *, step: str = "", task_id: str = "", stream: str = "", attempt: int = 0) -> Iterator[Json]:
    """Log chunks, oldest first; attempt: from 1, 0 for all."""
    query = {"step": step, "taskId": task_id, "stream": stream, "attempt": attempt or None}
    return connect().pages(f"{API}/runs/{segment(run_id)}/logs", "chunks", query)


def delete_logs(run_id: str, *, step: str = "", task_id: str = "", stream: str = "", attempt: int = 0) -> int:
    """Removes lines for good; how many."""
    query = {"step": step, "taskId": task_id, "stream": stream, "attempt": attempt or None}
    path = f"{API}/runs/{segment(run_id)}/logs"
    return int(connect().call("DELETE", path, query=query, timeout=600).get("lines", 0))


def log_lines(chunks: Iterable[Json], stream: str = "") -> Iterator[tuple[datetime | None, str, Json]]:
    """(time, text, line) of every line; stream: "stdout" or "stderr" only."""
    wanted = f"LOG_STREAM_{stream.upper()}" if stream else ""
    for chunk in chunks:
        for line in chunk.get("lines", ()):
            if not wanted or line.get("stream") == wanted:
                yield timestamp(line.get("time")), line.get("text", ""), line


def timestamp(text: str | None) -> datetime | None:
    """A protobuf Timestamp in JSON as an aware datetime in UTC; None of nothing."""
    if not text:
        return None
    return datetime.fromisoformat(text).astimezone(UTC)
