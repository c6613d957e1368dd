"""Logging outside of a flow: batches, steps, wrong values, and what the server refuses."""

import math
from typing import Any

import numpy as np
import pytest

from headwater.errors import FailedPrecondition, InvalidArgument
from headwater.tracking import (
    active_run,
    get_metric_history,
    log_metric,
    log_metrics,
    log_param,
    search_runs,
    set_tag,
    start_run,
)
from tests.unit.client.api import Api

BASE = "/api/v1/projects/default/tracking/runs"
RUN = "/api/v1/tracking/runs/r1"


@pytest.fixture
def tracked(api: Api) -> Api:
    api.routes |= {
        ("POST", BASE): {"run": {"runId": "r1", "experiment": "spam"}},
        ("POST", "/api/v1/tracking/batches"): {},
        ("PATCH", RUN): {"run": {"runId": "r1"}},
    }
    return api


def logged(api: Api) -> list[dict[str, Any]]:
    """The batches that came."""
    return [batch for _, _, body in api.seen("POST", "/batches") for batch in body["batches"]]


def last_state(api: Api) -> str:
    return api.seen("PATCH")[-1][2]["state"]


def test_values_arrive_in_batches_with_steps(tracked: Api) -> None:
    with start_run(experiment="spam", params={"c": 0.1}) as run:
        assert active_run() is run and run.run_id == "r1"
        for value in (3, np.float32(2), np.array([1.0])):
            log_metric("loss", value)
        log_metrics({"loss": math.nan, "accuracy": 0.5}, step=10)
        log_param("kernel", "rbf")
        set_tag("by", "hand")
    batches = logged(tracked)
    points = [
        (batch["keys"][key], value, int(step))
        for batch in batches
        for key, value, step in zip(batch.get("key", ()), batch.get("value", ()), batch.get("step", ()), strict=True)
    ]
    assert points == [("loss", 3, 0), ("loss", 2, 1), ("loss", 1, 2), ("loss", "NaN", 10), ("accuracy", 0.5, 10)]
    texts = {kind: {k: v for b in batches for k, v in b.get(kind, {}).items()} for kind in ("params", "tags")}
    assert texts == {"params": {"c": "0.1", "kernel": "rbf"}, "tags": {"by": "hand"}}
    assert [int(batch["sequence"]) for batch in batches] == list(range(1, len(batches) + 1))
    assert len({body["writer"] for _, _, body in tracked.seen("POST", "/batches")}) == 1
    assert last_state(tracked) == "TRACKED_RUN_STATE_FINISHED" and active_run() is None


def test_an_exception_ends_the_run_as_failed(tracked: Api) -> None:
    with pytest.raises(ZeroDivisionError), start_run():
        raise ZeroDivisionError
    assert last_state(tracked) == "TRACKED_RUN_STATE_FAILED"


def test_wrong_values_fail_where_they_are_logged(tracked: Api) -> None:
    with start_run():
        for wrong in ("high", None, [1, 2]):
            with pytest.raises(InvalidArgument, match=r"metric 'loss' got .* which is not a number"):
                log_metric("loss", wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match=r"step=0\.5 is not a whole number"):
            log_metric("loss", 1, step=0.5)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match="metric key ''"):
            log_metric("", 1)
        with pytest.raises(InvalidArgument, match="6001 characters long") as caught:
            log_param("text", "x" * 6001)
        assert "artifact" in caught.value.hint
        with pytest.raises(FailedPrecondition, match="run r1 is active"):
            start_run()


def test_nowhere_to_log_to() -> None:
    with pytest.raises(FailedPrecondition, match="neither a step of a flow nor inside of start_run"):
        log_metric("loss", 1)


def test_what_the_server_refuses_is_raised_at_the_end(tracked: Api) -> None:
    error = {"error": {"code": "INVALID_ARGUMENT", "message": "key too odd", "field": "key"}}
    tracked.routes["POST", "/api/v1/tracking/batches"] = lambda query, body: (400, error)
    with pytest.raises(InvalidArgument, match="key too odd"), start_run():
        log_metric("odd", 1)
    assert tracked.seen("PATCH")


def test_search_and_history(tracked: Api) -> None:
    tracked.routes["GET", BASE] = {
        "runs": [
            {
                "runId": "r1",
                "experiment": "spam",
                "state": "TRACKED_RUN_STATE_FINISHED",
                "params": {"c": "0.1"},
                "metrics": [{"key": "loss", "value": 0.5}, {"key": "odd", "value": "NaN"}],
            }
        ]
    }
    tracked.routes["GET", f"{RUN}/metrics"] = {"points": [{"key": "loss", "value": 1, "timestampMs": "1000"}]}
    (found,) = search_runs("spam", "metrics.loss < 1", "metrics.loss ASC")
    assert (found.run_id, found.state, found.metrics["loss"], found.params) == ("r1", "finished", 0.5, {"c": "0.1"})
    assert math.isnan(found.metrics["odd"])
    query = tracked.seen("GET", BASE)[0][1]
    assert (query["experiments"], query["filter"], query["orderBy"]) == (
        ["spam"],
        ["metrics.loss < 1"],
        ["metrics.loss ASC"],
    )
    (point,) = get_metric_history("r1", "loss")
    assert (point.step, point.value, point.time.timestamp()) == (0, 1.0, 1.0)
