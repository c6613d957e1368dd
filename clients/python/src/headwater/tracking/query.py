"""Reads tracked runs and the histories of their metrics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from headwater.errors import InvalidArgument


@dataclass(frozen=True)
class MetricPoint:
    """One point of a metric; time is when it was logged."""

    step: int
    value: float
    time: datetime


@dataclass(frozen=True)
class TrackedRun:
    """A run with its parameters, tags and the latest value of each metric. state: running, finished, failed, killed."""

    run_id: str
    experiment: str
    name: str
    state: str
    started_at: datetime | None
    finished_at: datetime | None
    parent_run_id: str
    params: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ExperimentInfo:
    """An experiment; runs: how many it has."""

    experiment_id: str
    name: str
    created_at: datetime | None
    runs: int
    tags: dict[str, str]


_COLUMNS = ["run_id", "experiment", "name", "state", "started_at", "finished_at", "parent_run_id"]


def search_runs(
    experiments: str | Sequence[str] = (),
    filter: str = "",
    order_by: str | Sequence[str] = (),
    *,
    experiment_names: Sequence[str] = (),
    filter_string: str = "",
    parent_run_id: str = "",
    limit: int = 1000,
    max_results: int = 0,
    output_format: str = "list",
) -> Any:
    """Finds tracked runs: a list of TrackedRun, page after page up to `limit`, or with output_format="pandas" a
    DataFrame with a column per field, params.*, metrics.* and tags.*.

    filter: e.g. "metrics.accuracy > 0.9 and params.kernel = 'rbf'"; order_by: e.g. "metrics.accuracy DESC".
    parent_run_id: only the nested runs of this one, e.g. the foreach tasks of a flow's run. experiment_names,
    filter_string, max_results: the same under the names of mlflow.search_runs.
    Raises InvalidArgument when the filter cannot be understood.
    """
    from headwater.client.http import connect

    if output_format not in ("list", "pandas"):
        raise InvalidArgument(f"output_format {output_format!r} is not list or pandas", field="output_format")
    conn, most = connect(), max_results or limit
    named = [experiments] if isinstance(experiments, str) and experiments else list(experiments)
    query = {
        "experiments": named + list(experiment_names),
        "filter": filter or filter_string,
        "orderBy": [order_by] if isinstance(order_by, str) and order_by else list(order_by),
        "parentRunId": parent_run_id,
    }
    path = f"/api/v1/projects/{conn.project}/tracking/runs"
    bodies: Iterator[dict[str, Any]] = conn.pages(path, "runs", query, page_size=max(1, min(most, 1000)))
    found = [parse(body) for body in islice(bodies, most)]
    return _frame(found) if output_format == "pandas" else found


def _frame(runs: list[TrackedRun]) -> Any:
    from headwater.tracking.files import module

    rows: list[dict[str, Any]] = []
    for run in runs:
        row: dict[str, Any] = {name: getattr(run, name) for name in _COLUMNS}
        for kind in ("params", "metrics", "tags"):
            row |= {f"{kind}.{key}": value for key, value in getattr(run, kind).items()}
        rows.append(row)
    return module("pandas", "pip install pandas, or output_format='list'").DataFrame(
        rows, columns=None if rows else _COLUMNS
    )


def search_experiments(limit: int = 1000) -> list[ExperimentInfo]:
    """The experiments of the project, by name."""
    from headwater.client.http import connect
    from headwater.client.resources import timestamp

    conn = connect()
    path = f"/api/v1/projects/{conn.project}/experiments"
    bodies: Iterator[dict[str, Any]] = conn.pages(path, "experiments", page_size=max(1, min(limit, 1000)))
    return [
        ExperimentInfo(
            each["experimentId"],
            each.get("name", ""),
            timestamp(each.get("createdAt")),
            int(each.get("runs", 0)),
            each.get("tags", {}),
        )
        for each in islice(bodies, limit)
    ]


def delete_run(run_id: str) -> None:
    """Marks a run as deleted: searches do not find it any more, restore_run takes that back. Raises NotFound."""
    _mark(run_id, "delete")


def restore_run(run_id: str) -> None:
    """Takes delete_run back. Raises NotFound."""
    _mark(run_id, "restore")


def _mark(run_id: str, verb: str) -> None:
    from headwater.client.http import connect

    body = {"run_id": run_id.replace("-", "")}
    connect().call("POST", f"/api/2.0/mlflow/runs/{verb}", body, repeatable=True)


def get_run(run_id: str) -> TrackedRun:
    """One tracked run. Raises NotFound."""
    from headwater.client.http import connect

    return parse(connect().call("GET", f"/api/v1/tracking/runs/{run_id}")["run"])


def get_metric_history(run_id: str, key: str, max_points: int = 0) -> list[MetricPoint]:
    """The points of a metric in order of step; more than max_points are thinned by the server (0: at most 100,000)."""
    from headwater.client.http import connect

    query = {"key": key, "maxPoints": max_points or None}
    points = connect().call("GET", f"/api/v1/tracking/runs/{run_id}/metrics", query=query).get("points", [])
    return [
        MetricPoint(
            int(each.get("step", 0)),
            float(each.get("value", 0)),
            datetime.fromtimestamp(int(each.get("timestampMs", 0)) / 1000, UTC),
        )
        for each in points
    ]


def parse(body: dict[str, Any]) -> TrackedRun:
    """A TrackedRun of its JSON."""
    from headwater.client.resources import timestamp

    return TrackedRun(
        body["runId"],
        body.get("experiment", ""),
        body.get("name", ""),
        body.get("state", "").removeprefix("TRACKED_RUN_STATE_").lower(),
        timestamp(body.get("startedAt")),
        timestamp(body.get("finishedAt")),
        body.get("parentRunId", ""),
        body.get("params", {}),
        {each["key"]: float(each.get("value", 0)) for each in body.get("metrics", ())},
        body.get("tags", {}),
    )
