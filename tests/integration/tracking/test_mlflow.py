"""What MLflow's clients log while others do: one commit for many, and each hears of its own."""

import asyncio
from typing import Any

import msgspec
import pytest

from headwater.api.tracking.v1 import mlflow_pb2 as pb
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.errors import InvalidArgument, NotFound, PermissionDenied
from headwater_server.kit.ids import uuid7
from tests.integration.tracking.conftest import ANN, Tracking, nested_of

CALLS = {"Read": pb.ReadMlflowRequest, "Log": pb.LogMlflowRequest, "Change": pb.ChangeMlflowRequest}


async def call(tracking: Tracking, kind: str, method: str, who: Identity = ANN, /, **body: Any) -> Any:
    request = CALLS[kind](method=method, json=msgspec.json.encode(body))
    reply = await getattr(tracking.client, f"{kind}Mlflow")(request, on_behalf=who)
    return msgspec.json.decode(reply.json)


async def new_run(tracking: Tracking, **body: Any) -> str:
    return (await call(tracking, "Log", "runs/create", **body))["run"]["info"]["run_id"]


async def test_many_write_at_once(tracking: Tracking) -> None:
    first, second, gone = [await new_run(tracking) for _ in range(3)]
    await call(tracking, "Change", "runs/delete", run_id=gone)
    logged: list[Any] = [
        call(tracking, "Log", "runs/log-metric", run_id=run, key="m", value=n, timestamp=n, step=n % 7)
        for n in range(40) for run in (first, second)
    ]  # fmt: skip
    logged += [call(tracking, "Log", "runs/log-metric", run_id=gone, key="m", value=1, timestamp=1)]
    logged += [call(tracking, "Log", "runs/log-parameter", run_id=first, key="p", value=str(n)) for n in range(5)]
    metric = {"key": "m", "value": 99, "timestamp": 99, "step": 9}
    logged += [
        call(tracking, "Log", "runs/log-batch", run_id=second, metrics=[metric], tags=[{"key": "t", "value": str(n)}])
        for n in range(5)
    ]
    results = await asyncio.gather(*logged, return_exceptions=True)
    refused = [result for result in results if isinstance(result, Exception)]
    assert len(refused) == 5 and all(isinstance(error, InvalidArgument) for error in refused)
    assert sum("Changing param values" in str(error) for error in refused) == 4
    assert sum("Current state is deleted" in str(error) for error in refused) == 1
    got = [(await call(tracking, "Read", "runs/get", run_id=run))["run"] for run in (first, second)]
    assert [run["data"]["metrics"][0]["value"] for run in got] == [34, 99]
    history = await call(tracking, "Read", "metrics/get-history", run_id=second, metric_key="m")
    # The five that are the same are one: who sends again what was stored already doubles nothing.
    assert [point["value"] for point in history["metrics"]] == [*range(40), 99]


async def test_a_batch_is_refused_whole(tracking: Tracking) -> None:
    run = await new_run(tracking)
    await call(tracking, "Log", "runs/log-parameter", run_id=run, key="lr", value="1")
    batch = {
        "metrics": [{"key": "m", "value": 1, "timestamp": 1}],
        "params": [{"key": "new", "value": "1"}, {"key": "lr", "value": "2"}],
    }
    with pytest.raises(InvalidArgument, match="Params were already logged"):
        await call(tracking, "Log", "runs/log-batch", run_id=run, **batch)
    data = (await call(tracking, "Read", "runs/get", run_id=run))["run"]["data"]
    assert data["params"] == [{"key": "lr", "value": "1"}] and "metrics" not in data


async def test_what_is_refused_beside_others_is_refused_whole(tracking: Tracking) -> None:
    run = await new_run(tracking)
    batches = [[{"key": f"own{n}", "value": "1"}, {"key": "lr", "value": str(n)}] for n in range(8)]
    logged = [call(tracking, "Log", "runs/log-batch", run_id=run, params=params) for params in batches]
    results = await asyncio.gather(*logged, return_exceptions=True)
    (kept,) = [params for params, result in zip(batches, results, strict=True) if not isinstance(result, Exception)]
    data = (await call(tracking, "Read", "runs/get", run_id=run))["run"]["data"]
    assert sorted(data["params"], key=str) == sorted(kept, key=str)


async def test_models_that_are_logged_at_once_are_all_kept(tracking: Tracking) -> None:
    run = await new_run(tracking)
    models = [{"artifact_path": f"m{n}", "flavors": {}, "utc_time_created": "", "run_id": run} for n in range(8)]
    texts = [msgspec.json.encode(model).decode() for model in models]
    await asyncio.gather(*(call(tracking, "Log", "runs/log-model", run_id=run, model_json=text) for text in texts))
    tags = (await call(tracking, "Read", "runs/get", run_id=run))["run"]["data"]["tags"]
    (history,) = [msgspec.json.decode(tag["value"]) for tag in tags if tag["key"] == "mlflow.log-model.history"]
    assert sorted(entry["artifact_path"] for entry in history) == [f"m{n}" for n in range(8)]


async def test_others_see_nothing(tracking: Tracking) -> None:
    run = await new_run(tracking)
    bob, viewer = (
        Identity(Actor("user", "bob"), role, place) for role, place in (("admin", "other"), ("viewer", "default"))
    )
    for kind, method in (("Read", "runs/get"), ("Log", "runs/update"), ("Change", "runs/delete")):
        with pytest.raises(NotFound):
            await call(tracking, kind, method, bob, run_id=run)
    with pytest.raises(PermissionDenied):
        await call(tracking, "Log", "runs/update", viewer, run_id=run)
    mine, theirs = [await call(tracking, "Read", "experiments/search", who) for who in (ANN, bob)]
    assert [e["experiment_id"] for e in (*mine["experiments"], *theirs["experiments"])] == ["0", "0"]
    assert await call(tracking, "Read", "runs/search", bob, experiment_ids=["0"]) == {}


async def test_the_run_of_a_task_is_there_when_it_asks(tracking: Tracking) -> None:
    flow_run = uuid7()
    task = Identity(Actor("task", "ann", flow_run, "train/3"), "runner", "default")
    nested = nested_of(flow_run, "train/3").replace("-", "")
    with pytest.raises(NotFound):
        await call(tracking, "Read", "runs/get", ANN, run_id=nested)
    got = (await call(tracking, "Read", "runs/get", task, run_id=nested))["run"]
    assert got["info"]["run_name"] == "train[3]"
    assert {"key": "mlflow.parentRunId", "value": flow_run.replace("-", "")} in got["data"]["tags"]
    # mlflow ends the runs of its process; of a flow's runs only the scheduler knows the end.
    ended = await call(tracking, "Log", "runs/update", task, run_id=nested, status="FAILED", end_time=1)
    assert ended["run_info"]["status"] == "RUNNING"
    with pytest.raises(NotFound):
        await call(tracking, "Read", "runs/get", task, run_id=nested_of(flow_run, "train/4"))
