"""Points of runs that are over are packed and thinned, and every reader still reads the same of what is left."""

import asyncio
import math
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from google.protobuf.duration_pb2 import Duration

from headwater.api.tracking.v1 import mlflow_pb2
from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.tracking.keeping import POINTS_PER_ROW, Keeping
from tests.integration.tracking.conftest import ANN, Tracking

POINTS = 2 * POINTS_PER_ROW + 300


async def finished(tracking: Tracking, experiment: str = "", points: int = POINTS, key: str = "loss") -> str:
    run = await tracking.new_run(experiment=experiment)
    for first in range(0, points, 900):
        steps = range(first, min(first + 900, points))
        metrics = [pb.Metric(key=key, value=math.sin(step) * step, step=step, timestamp_ms=step + 1) for step in steps]
        await tracking.call("LogBatch", run_id=run, metrics=[*metrics, pb.Metric(key="once", value=1, timestamp_ms=1)])
    await tracking.call("UpdateTrackedRun", run_id=run, state=pb.TRACKED_RUN_STATE_FINISHED)
    return run


async def mlflow(tracking: Tracking, method: str, **body: Any) -> Any:
    request = mlflow_pb2.ReadMlflowRequest(method=method, json=msgspec.json.encode(body))
    return msgspec.json.decode((await tracking.client.ReadMlflow(request, on_behalf=ANN)).json)


async def reads(tracking: Tracking, run: str) -> list[Any]:
    """What every reader of a history says."""
    one = {"run_id": run.replace("-", ""), "metric_key": "loss"}
    some = {"run_ids": [one["run_id"]], "metric_key": "loss", "max_results": 250}
    return [
        await tracking.points(run, "loss"),
        await tracking.points(run, "loss", max_points=100),
        await mlflow(tracking, "metrics/get-history", **one),
        await mlflow(tracking, "metrics/get-history", max_results=77, **one),
        await mlflow(tracking, "metrics/get-history-bulk", **some),
        await mlflow(tracking, "metrics/get-history-bulk-interval", start_step=5, end_step=1900, **some),
    ]


async def collect(tracking: Tracking, **fields: Any) -> Any:
    return await tracking.call("CollectPoints", project="default", **fields)


async def test_packed_points_read_as_they_were_logged(tracking: Tracking) -> None:
    run = await finished(tracking)
    before = await reads(tracking, run)
    assert (await collect(tracking, dry_run=True)).packed_runs == 0
    assert (await collect(tracking)).packed_runs == 1
    assert await tracking.stored() == 3  # the short series, of three batches
    assert await tracking.database.fetchval("SELECT count(*) FROM packed_points") == 3
    assert await reads(tracking, run) == before
    assert (await collect(tracking)).packed_runs == 0
    # It goes on, and its new points come after the packed ones.
    await tracking.call("UpdateTrackedRun", run_id=run, state=pb.TRACKED_RUN_STATE_RUNNING)
    await tracking.call("LogBatch", run_id=run, metrics=[pb.Metric(key="loss", value=7, step=POINTS)])
    assert (await tracking.points(run, "loss"))[-1] == (POINTS, 7)
    await tracking.call("DeleteTrackedRun", run_id=run, force=True)
    assert await tracking.database.fetchval("SELECT count(*) FROM all_points") == 0


async def test_a_run_that_goes_on_is_packed_when_it_is_long(tracking: Tracking, eventually: Any) -> None:
    run = await tracking.new_run()
    metrics = [pb.Metric(key="loss", value=step, step=step, timestamp_ms=1) for step in range(1000)]
    await tracking.call("LogBatch", run_id=run, metrics=metrics)
    keeping = Keeping(tracking.database)
    inner = await tracking.database.fetchval("SELECT id FROM runs")
    keeping.came(inner, 100_000)
    sweeping = asyncio.create_task(keeping.loop())
    await eventually(lambda: _all_packed(tracking))
    sweeping.cancel()
    assert len(await tracking.points(run, "loss")) == 1000


async def _all_packed(tracking: Tracking) -> bool:
    return await tracking.stored() == 0


async def test_two_replicas_pack_the_same(tracking: Tracking) -> None:
    run = await finished(tracking)
    before = await tracking.points(run, "loss")
    replicas = [Keeping(tracking.database) for _ in range(3)]
    await asyncio.gather(*(each.pack("*", timedelta(0)) for each in replicas))
    assert await tracking.points(run, "loss") == before


async def rule(tracking: Tracking, keep: int, after: float = 0.001, **fields: Any) -> None:
    period = Duration()
    period.FromTimedelta(timedelta(seconds=after))
    await tracking.call("SetPointRetention", after=period, keep_points=keep, **fields)


async def test_rules_thin_histories(tracking: Tracking) -> None:
    thinned, spared, emptied = [await finished(tracking, name) for name in ("a", "b", "c")]
    packed = await finished(tracking, "a")
    going_on = await tracking.new_run(experiment="a")
    await tracking.call("LogBatch", run_id=going_on, metrics=[pb.Metric(key="loss", value=n) for n in range(50)])
    whole = await tracking.points(thinned, "loss")
    await Keeping(tracking.database).pack("*", timedelta(0))
    await rule(tracking, 20)
    await rule(tracking, 1_000_000, experiment="b")
    await rule(tracking, 0, experiment="c")
    told = await tracking.call("GetPointRetention")
    assert [(each.experiment, each.keep_points) for each in told.rules] == [("", 20), ("b", 1_000_000), ("c", 0)]
    assert told.due == 4
    done = await collect(tracking)
    assert (done.thinned_runs, done.removed_points, done.more) == (4, 2 * (POINTS - 20) + POINTS + 3, False)
    for run in (thinned, packed):
        left = await tracking.points(run, "loss")
        assert len(left) == 20 and set(left) <= set(whole) and left[0] == whole[0] and left[-1] == whole[-1]
        values = [value for _, value in whole]
        assert {min(values), max(values)} <= {value for _, value in left}
    assert len(await tracking.points(spared, "loss")) == POINTS
    assert await tracking.points(emptied, "loss") == whole[-1:]  # the latest value stays
    assert len(await tracking.points(going_on, "loss")) == 50
    assert (await tracking.call("GetPointRetention")).due == 0


async def test_rules_that_cannot_be(tracking: Tracking) -> None:
    with pytest.raises(InvalidArgument, match="after"):
        await rule(tracking, 1, after=0)
    with pytest.raises(InvalidArgument, match="keep_points"):
        await rule(tracking, -1)
    with pytest.raises(NotFound, match="nowhere"):
        await rule(tracking, 1, experiment="nowhere")
    with pytest.raises(NotFound, match="no rule"):
        await tracking.call("DeletePointRetention")
    await rule(tracking, 1)
    await tracking.call("DeletePointRetention")
    assert not (await tracking.call("GetPointRetention")).rules
