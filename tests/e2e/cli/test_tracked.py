"""Runs of MLflow's clients by the command: compared, counted, thinned, deleted for good with their files."""

import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from headwater.client.http import API, connect
from tests.e2e.conftest import Platform

MLFLOW = "/api/2.0/mlflow"


def mlflow(path: str, **body: Any) -> Any:
    return connect().call("POST", f"{MLFLOW}/{path}", body)


def new_run(experiment: str, lr: str, points: int = 1) -> str:
    run = mlflow("runs/create", experiment_id=experiment, start_time=1)["run"]["info"]["run_id"]
    metrics = [{"key": "loss", "value": 1 / (n + 1), "timestamp": 1, "step": n} for n in range(points)]
    mlflow("runs/log-batch", run_id=run, metrics=metrics, params=[{"key": "lr", "value": lr}])
    mlflow("runs/update", run_id=run, status="FINISHED", end_time=2)
    return run


@pytest.fixture
def runs(connected: Platform) -> tuple[str, list[str]]:
    """The name of an experiment, and the ids of its runs."""
    name = f"tracked-{time.time_ns()}"
    experiment = mlflow("experiments/create", name=name)["experiment_id"]
    return name, [new_run(experiment, lr, 500) for lr in ("0.1", "0.2", "0.2")]


def test_compare_and_count(connected: Platform, runs: tuple[str, list[str]]) -> None:
    name, (first, second, third) = runs
    shown = connected.headwater("runs", "compare", first, second[-12:], third[:12])
    assert [line.split()[-3:] for line in shown.splitlines() if line.startswith("params")] == [["0.1", "0.2", "0.2"]]
    assert "loss" not in shown  # equal
    found = connected.json("runs", "compare", first, second, "--all", "--column", "metrics.*")
    assert [row["key"] for row in found["rows"]] == ["loss"]
    assert connected.headwater("experiments", "show", name, "--filter", "params.lr = '0.2'", "--count").strip() == "2"
    (row, *_) = connected.json("experiments", "show", name, "--column", "metrics.loss")
    assert row["metrics"] and "params" not in row
    wrong = connected.run(*COMMAND, "runs", "compare", first, "nothing!", fails=True)
    assert wrong.returncode == 2 and "nothing!" in wrong.stderr and "Traceback" not in wrong.stderr


COMMAND = (sys.executable, "-m", "headwater.cli.main")


async def test_thinned_and_deleted(
    connected: Platform, runs: tuple[str, list[str]], eventually: Callable[..., Awaitable[Any]]
) -> None:
    name, (first, second, third) = runs
    said = connected.headwater("experiments", "retention", "set", name, "--after", "1s", "--keep-points", "50")
    assert "thinned to 50 points" in said
    assert name in connected.headwater("experiments", "retention", "show")
    history = f"{API}/tracking/runs/{first}/metrics"
    assert len(connect().call("GET", history, query={"key": "loss"})["points"]) == 500
    assert connected.json("gc")["removedPoints"] >= 3 * 450
    assert len(connect().call("GET", history, query={"key": "loss"})["points"]) == 50
    connected.headwater("experiments", "retention", "unset", name)

    connect().call("PUT", f"/api/2.0/mlflow-artifacts/artifacts/0/{first}/artifacts/model.bin", {"bytes": 1})
    files = f"{API}/projects/default/files"
    assert connect().call("GET", files, query={"path": f"runs/{first}"})["files"]
    connected.headwater("runs", "delete", "--yes", first)
    wrong = connected.run(*COMMAND, "runs", "compare", first, second, fails=True)
    assert wrong.returncode == 4
    await eventually(lambda: not connect().call("GET", files, query={"path": f"runs/{first}"}).get("files"))

    mlflow("runs/delete", run_id=second)
    assert connected.json("gc", "--deleted-after", "0", "--dry-run")["purgedRuns"] >= 1
    assert connected.json("gc", "--deleted-after", "0")["purgedRuns"] >= 1
    assert connected.json("experiments", "delete", "--yes", name) == {"runs": "1"}
    assert name not in connected.headwater("experiments")
    assert connected.run(*COMMAND, "runs", "compare", third, second, fails=True).returncode == 4
