"""Logging outside of a flow: batches, steps, wrong values, and what the server refuses."""

import math

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
        ("POST", f"{RUN}/batch"): {},
        ("PATCH", RUN): {"run": {"runId": "r1"}},
    }
    return api


def test_values_arrive_in_batches_with_steps(tracked: Api) -> None:
    with start_run(experiment="spam", params={"c": 0.1}) as run:
        assert active_run() is run and run.run_id == "r1"
        for value in (3, np.float32(2), np.array([1.0])):
            log_metric("loss", value)
        log_metrics({"loss": math.nan, "accuracy": 0.5}, step=10)
        log_param("kernel", "rbf")
        set_tag("by", "hand")
    bodies = [body for _, _, body in tracked.seen("POST", "/batch")]
    points = [point for body in bodies for point in body["metrics"]]
    assert [(p["key"], p["value"], p["step"]) for p in points] == [
        ("loss", 3, 0),
        ("loss", 2, 1),
        ("loss", 1, 2),
        ("loss", "NaN", 10),
        ("accuracy", 0.5, 10),
    ]
    assert bodies[-1]["params"] | bodies[0]["params"] == {"c": "0.1", "kernel": "rbf"} or len(bodies) > 1
    assert len({body["batchId"] for body in bodies}) == len(bodies)
    assert tracked.seen("PATCH")[-1][2] == {"state": "TRACKED_RUN_STATE_FINISHED"} and active_run() is None


def test_an_exception_ends_the_run_as_failed(tracked: Api) -> None:
    with pytest.raises(ZeroDivisionError), start_run():
        raise ZeroDivisionError
    assert tracked.seen("PATCH")[-1][2] == {"state": "TRACKED_RUN_STATE_FAILED"}


def test_wrong_values_fail_where_they_are_logged(tracked: Api) -> None:
    with start_run():
        for wrong in ("high", None, [1, 2]):
            with pytest.raises(InvalidArgument, match=r"metric 'loss' got .* which is not a number"):
                log_metric("loss", wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match=r"step=0\.5 is not a whole number"):
            log_metric("loss", 1, step=0.5)  # type: ignore[arg-type]
        with pytest.raises(InvalidArgument, match="metric key ''"):
            log_metric("", 1)
        with pytest.raises(InvalidArgument, match="8001 characters long") as caught:
            log_param("text", "x" * 8001)
        assert "artifact" in caught.value.hint
        with pytest.raises(FailedPrecondition, match="run r1 is active"):
            start_run()


def test_nowhere_to_log_to() -> None:
    with pytest.raises(FailedPrecondition, match="neither a step of a flow nor inside of start_run"):
        log_metric("loss", 1)


def test_what_the_server_refuses_is_raised_at_the_end(tracked: Api) -> None:
    error = {"error": {"code": "INVALID_ARGUMENT", "message": "key too odd", "field": "key"}}
    tracked.routes["POST", f"{RUN}/batch"] = lambda query, body: (400, error)
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
