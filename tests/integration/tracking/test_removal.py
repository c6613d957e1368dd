"""Tracked runs and experiments that are deleted for good, and runs side by side."""

from typing import Any

import msgspec
import pytest
from google.protobuf.duration_pb2 import Duration

from headwater.api.tracking.v1 import mlflow_pb2
from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from headwater_server.kit.ids import uuid7
from tests.integration.tracking.conftest import ANN, Tracking

VIEWER = Identity(Actor("user", "vera"), "viewer", "default")
STRANGER = Identity(Actor("user", "eve"), "admin", "other")


async def change(tracking: Tracking, method: str, **body: Any) -> None:
    request = mlflow_pb2.ChangeMlflowRequest(method=method, json=msgspec.json.encode(body))
    await tracking.client.ChangeMlflow(request, on_behalf=ANN)


async def count(tracking: Tracking) -> int:
    return await tracking.database.fetchval("SELECT count(*) FROM runs")


async def over(tracking: Tracking, name: str = "", **fields: Any) -> str:
    run = await tracking.new_run(name, **fields)
    await tracking.call("UpdateTrackedRun", run_id=run, state=pb.TRACKED_RUN_STATE_FINISHED)
    return run


async def test_a_run_goes_with_those_below_it(tracking: Tracking, eventually: Any) -> None:
    parent = await over(tracking, "p")
    child = await tracking.new_run("c", parent_run_id=parent)
    await tracking.call("LogBatch", run_id=child, metrics=[pb.Metric(key="m", value=1)], params={"a": "1"})
    kept = await over(tracking)
    for who in (VIEWER, STRANGER):
        with pytest.raises((PermissionDenied, NotFound)):
            await tracking.call("DeleteTrackedRun", who, run_id=kept)
    with pytest.raises(FailedPrecondition, match="still running"):
        await tracking.call("DeleteTrackedRun", run_id=parent)
    assert (await tracking.call("DeleteTrackedRun", run_id=parent, force=True, reason="old")).runs == 2
    assert await count(tracking) == 1
    for run in (parent, child):
        with pytest.raises(NotFound):
            await tracking.run(run)
        await eventually(lambda run=run: [b for s, b in tracking.told if s.endswith(f"deleted.{run}")])
    with pytest.raises(AlreadyExists):  # its id is spent
        await tracking.new_run(run_id=parent)
    assert await tracking.database.fetchval("SELECT count(*) FROM all_points") == 0


async def test_runs_of_flows_go_another_way(tracking: Tracking, eventually: Any) -> None:
    run = await tracking.starts()
    await eventually(lambda: count(tracking))
    with pytest.raises(FailedPrecondition, match="run of a flow"):
        await tracking.call("DeleteTrackedRun", run_id=run, force=True)
    with pytest.raises(FailedPrecondition, match="run of a flow"):
        await tracking.call("DeleteExperiment", name="Train", force=True)


async def test_an_experiment_goes_with_its_runs(tracking: Tracking) -> None:
    for _ in range(3):
        await over(tracking, experiment="old")
    elsewhere = await over(tracking, experiment="new")
    await over(tracking)
    with pytest.raises(FailedPrecondition, match="always there"):
        await tracking.call("DeleteExperiment", name="Default")
    with pytest.raises(NotFound):
        await tracking.call("DeleteExperiment", name="none")
    assert (await tracking.call("DeleteExperiment", name="old")).runs == 3
    names = [each.name for each in (await tracking.call("ListExperiments")).experiments]
    assert "old" not in names and "new" in names
    assert (await tracking.run(elsewhere)).experiment == "new"
    await over(tracking, experiment="old")  # the name is free again


async def test_what_mlflow_has_deleted_is_purged(tracking: Tracking) -> None:
    gone, kept = await over(tracking, experiment="e"), await over(tracking, experiment="e")
    await over(tracking, experiment="f")
    await change(tracking, "runs/delete", run_id=gone.replace("-", ""))
    identity = await tracking.database.fetchval("SELECT id FROM experiments WHERE name = 'f'")
    await change(tracking, "experiments/delete", experiment_id=str(identity))
    later = Duration(seconds=3600)
    assert (await tracking.call("CollectPoints", purge_deleted_after=later)).purged_runs == 0
    now = {"purge_deleted_after": Duration(seconds=0)}
    dry = await tracking.call("CollectPoints", dry_run=True, **now)
    assert (dry.purged_runs, dry.purged_experiments) == (2, 1) and await count(tracking) == 3
    done = await tracking.call("CollectPoints", **now)
    assert (done.purged_runs, done.purged_experiments, done.more) == (2, 1, False)
    assert await count(tracking) == 1 and (await tracking.run(kept)).name


async def logged(tracking: Tracking, **fields: Any) -> str:
    run = await tracking.new_run()
    await tracking.call("LogBatch", run_id=run, **fields)
    return run


async def test_runs_side_by_side(tracking: Tracking) -> None:
    nan = float("nan")
    metrics = [[pb.Metric(key="acc", value=v, step=3), pb.Metric(key="n", value=nan)] for v in (0.5, 0.75)]
    runs = [
        await logged(tracking, metrics=each, params={"lr": lr, "same": "1"}, tags={"t": "x"})
        for each, lr in zip(metrics, ("0.1", "0.2"), strict=True)
    ]
    runs.append(await logged(tracking, params={"same": "1", "extra": "e"}))
    answer = await tracking.call("CompareTrackedRuns", run_ids=runs)
    assert [run.run_id for run in answer.runs] == runs
    table = {(row.kind, row.key): row for row in answer.rows}
    assert {key for key, row in table.items() if not row.differs} == {("params", "same"), ("tags", "headwater.user")}
    assert [(c.present, c.number, c.step) for c in table["metrics", "acc"].cells] == [
        (True, 0.5, 3), (True, 0.75, 3), (False, 0, 0),
    ]  # fmt: skip
    assert [c.text for c in table["params", "lr"].cells] == ["0.1", "0.2", ""]
    answer = await tracking.call(
        "CompareTrackedRuns", run_ids=runs[:2], columns=["params.*", "metrics.n"], differences_only=True
    )
    assert [row.key for row in answer.rows] == ["lr"]
    for wrong in (runs[:1], [runs[0]] * 2, [runs[0], "x"]):
        with pytest.raises(InvalidArgument, match="run_ids"):
            await tracking.call("CompareTrackedRuns", run_ids=wrong)
    with pytest.raises(NotFound, match=r"run_ids\[1\]"):
        await tracking.call("CompareTrackedRuns", run_ids=[runs[0], uuid7()])


async def test_a_search_of_some_columns_and_a_count(tracking: Tracking) -> None:
    for n in range(3):
        await logged(tracking, metrics=[pb.Metric(key=k, value=n) for k in "ab"], params={"p": str(n), "q": "1"})
    await logged(tracking)
    ask: dict[str, Any] = {"filter": "metrics.a >= 1 or params.p = '0'"}
    assert (await tracking.call("SearchTrackedRuns", count_only=True, **ask)).total_count == 3
    found = (await tracking.call("SearchTrackedRuns", columns=["metrics.b", "params.*", "metrics.none"], **ask)).runs
    assert [[m.key for m in run.metrics] for run in found] == [["b"]] * 3
    assert all(set(run.params) == {"p", "q"} and not run.tags and run.name for run in found)
    (first, *_) = (await tracking.call("SearchTrackedRuns", columns=["attributes.name"], **ask)).runs
    assert not first.metrics and not first.params
    with pytest.raises(InvalidArgument, match=r"columns\[0\]"):
        await tracking.call("SearchTrackedRuns", columns=["loss"])
    read = mlflow_pb2.ReadMlflowRequest(method="runs/search")
    for more, told in (
        ({"count_only": True}, {"total_count": 3}),
        ({"count_only": True, "experiment_ids": ["9"]}, {"total_count": 0}),
    ):
        read.json = msgspec.json.encode({"experiment_ids": ["0"], **ask} | more)
        assert msgspec.json.decode((await tracking.client.ReadMlflow(read, on_behalf=ANN)).json) == told
    read.json = msgspec.json.encode({"experiment_ids": ["0"], "columns": ["metrics.a"], **ask})
    runs = msgspec.json.decode((await tracking.client.ReadMlflow(read, on_behalf=ANN)).json)["runs"]
    assert [[m["key"] for m in run["data"]["metrics"]] for run in runs] == [["a"]] * 3
    assert all("params" not in run["data"] for run in runs)
