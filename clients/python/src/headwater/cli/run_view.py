"""What `headwater run show` shows: one run with its tasks, metrics and origin, as data and as text."""

from typing import Any

import click

from headwater.cli import output
from headwater.cli.ids import short
from headwater.client import resources
from headwater.client.http import API, connect, segment
from headwater.errors import NotFound

# A step with more tasks is summed up.
MOST = 12
# Set by register_model on the run that made a version.
MODEL_TAG = "headwater.model."


def fetch(run: dict[str, Any]) -> dict[str, Any]:
    """{"run", "tasks", "tracked" (or None), "nested" (tracked runs of foreach tasks)}."""
    conn, run_id = connect(), run["runId"]
    try:
        tracked = conn.call("GET", f"{API}/tracking/runs/{segment(run_id)}")["run"]
    except NotFound:
        tracked = None
    nested: list[dict[str, Any]] = []
    if tracked is not None:
        path = f"{API}/projects/{segment(conn.project)}/tracking/runs"
        nested = list(conn.pages(path, "runs", {"parentRunId": run_id}))
    return {"run": run, "tasks": resources.list_tasks(run_id), "tracked": tracked, "nested": nested}


def render(view: dict[str, Any], *, all_tasks: bool = False) -> None:
    run = view["run"]
    output.fields(_head(run, view))
    click.echo()
    _steps(view, all_tasks)
    _metrics(view)
    if failure := run.get("failure"):
        _failure(failure)


def _head(run: dict[str, Any], view: dict[str, Any]) -> list[tuple[str, Any]]:
    trigger = run.get("trigger", {})
    event = f"{trigger.get('eventName', '')} {trigger.get('eventSubject', '')}".strip()
    parameters = run.get("parameters", {})
    code = run.get("code", {})
    return [
        ("Run", run["runId"]),
        ("Flow", run.get("flow")),
        ("State", output.state(run.get("state"))),
        ("Waiting for", run.get("waitingFor")),
        ("Started", f"{output.when(run.get('createdAt'))} by {output.actor(run.get('createdBy'))}"),
        ("Took", output.duration(run.get("createdAt"), run.get("finishedAt"))),
        ("Parameters", ", ".join(f"{key}={value!r}" for key, value in parameters.items())),
        ("Tags", ", ".join(run.get("tags", ()))),
        ("Started by event", event),
        ("Resumed from", short(run["originRunId"]) if run.get("originRunId") else ""),
        ("Cached", _reused(view["tasks"]) if run.get("cached") else ""),
        ("Code", f"{code['package'][:12]} {code.get('entrypoint', '')}" if code.get("package") else ""),
        ("Models made", ", ".join(models_of(view))),
    ]


def _reused(tasks: list[dict[str, Any]]) -> str:
    taken = sum(bool(task.get("originRunId")) for task in tasks)
    return f"{taken} of {len(tasks)} tasks are taken over from earlier runs"


def models_of(view: dict[str, Any]) -> list[str]:
    """ "name/version" of the model versions that the run registered."""
    made: dict[str, None] = {}
    for tracked in (view["tracked"], *view["nested"]):
        for key, value in (tracked or {}).get("tags", {}).items():
            if key.startswith(MODEL_TAG):
                made[f"{key.removeprefix(MODEL_TAG)}/{value}"] = None
    return list(made)


def _steps(view: dict[str, Any], all_tasks: bool) -> None:
    by_step: dict[str, list[dict[str, Any]]] = {}
    for task in view["tasks"]:
        by_step.setdefault(task["key"]["step"], []).append(task)
    rows: list[tuple[Any, ...]] = []
    for step in view["run"].get("graph", {}).get("steps", ()):
        tasks = by_step.get(step["name"], [])
        rows += _step_rows(step, tasks, all_tasks, bool(view["run"].get("cached")))
    output.table(("STEP", "TASK", "STATE", "ATTEMPT", "TOOK", "WORKER", "NOTE"), rows, empty="No tasks yet.")


def _step_rows(
    step: dict[str, Any], tasks: list[dict[str, Any]], all_tasks: bool, cached: bool
) -> list[tuple[Any, ...]]:
    name = step["name"]
    if not tasks:
        return [(name, "", "", "", "", "", "not reached")]
    if len(tasks) <= MOST or all_tasks:
        return [(name if at == 0 else "", *_task_row(task, cached)) for at, task in enumerate(tasks)]
    counts: dict[str, int] = {}
    for task in tasks:
        word = output.state(task.get("state"))
        counts[word] = counts.get(word, 0) + 1
    starts = [task["startedAt"] for task in tasks if task.get("startedAt")]
    ends = [task["finishedAt"] for task in tasks if task.get("finishedAt")]
    took = output.duration(min(starts, default=None), max(ends) if len(ends) == len(tasks) else None)
    summary = ", ".join(f"{count} {word}" for word, count in counts.items())
    state = next(iter(counts)) if len(counts) == 1 else ""
    rows: list[tuple[Any, ...]] = [(name, f"{len(tasks)} tasks", state, "", took, "", summary)]
    rows += [("", *_task_row(task, cached)) for task in tasks if task.get("state") == "TASK_STATE_FAILED"][:MOST]
    return rows


def _task_row(task: dict[str, Any], cached: bool) -> tuple[Any, ...]:
    note = task.get("failure", {}).get("message") or task.get("waitingFor", "")
    if task.get("originRunId"):
        note = f"{'cached' if cached else 'taken over'} from {short(task['originRunId'])}"
    return (
        resources.task_id_of(task),
        output.state(task.get("state")),
        int(task.get("attempt", 0)) or "",
        output.duration(task.get("startedAt"), task.get("finishedAt")) if task.get("startedAt") else "",
        task.get("worker", ""),
        note.splitlines()[0][:80] if note else "",
    )


def _metrics(view: dict[str, Any]) -> None:
    tracked = view["tracked"] or {}
    values = {each["key"]: float(each.get("value", 0)) for each in tracked.get("metrics", ())}
    if values:
        click.echo()
        output.table(("METRIC", "LATEST"), sorted(values.items()))
    nested = [run for run in view["nested"] if run.get("metrics")]
    if nested:
        click.echo()
        names = sorted({each["key"] for run in nested for each in run["metrics"]})[:8]
        rows: list[tuple[Any, ...]] = []
        for run in sorted(nested, key=lambda run: _natural(run.get("name", ""))):
            latest = {each["key"]: float(each.get("value", 0)) for each in run["metrics"]}
            rows.append((run.get("name", ""), *(latest.get(name, "") for name in names)))
        output.table(("TASK", *names), rows)


def _natural(name: str) -> list[Any]:
    import re

    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def _failure(failure: dict[str, Any]) -> None:
    click.echo()
    kind = failure.get("exceptionType") or failure.get("code", "")
    click.echo(click.style(f"Failed: {kind}: {failure.get('message', '')}", fg="red" if output.fancy() else None))
    if text := failure.get("traceback"):
        click.echo(text.rstrip())
    if hint := failure.get("hint"):
        click.echo(f"Hint: {hint}")
