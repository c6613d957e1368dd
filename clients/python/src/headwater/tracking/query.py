"""Reads tracked runs and the histories of their metrics."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any


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


def search_runs(
    experiments: str | Sequence[str] = (),
    filter: str = "",
    order_by: str | Sequence[str] = (),
    *,
    parent_run_id: str = "",
    limit: int = 1000,
) -> list[TrackedRun]:
    """Finds tracked runs.

    filter: e.g. "metrics.accuracy > 0.9 and params.kernel = 'rbf'"; order_by: e.g. "metrics.accuracy DESC".
    parent_run_id: only the nested runs of this one, e.g. the foreach tasks of a flow's run.
    Raises InvalidArgument when the filter cannot be understood.
    """
    from headwater.client.http import connect

    conn = connect()
    query = {
        "experiments": [experiments] if isinstance(experiments, str) and experiments else list(experiments),
        "filter": filter,
        "orderBy": [order_by] if isinstance(order_by, str) and order_by else list(order_by),
        "parentRunId": parent_run_id,
    }
    path = f"/api/v1/projects/{conn.project}/tracking/runs"
    bodies: Iterator[dict[str, Any]] = conn.pages(path, "runs", query, page_size=max(1, min(limit, 1000)))
    return [parse(body) for body in islice(bodies, limit)]


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
