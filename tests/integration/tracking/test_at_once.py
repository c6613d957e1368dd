"""What happens to runs and experiments at the same time has happened in some order. The locks of a test make sure that
it is the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.errors import FailedPrecondition, InvalidArgument
from tests.harness.waiting import eventually
from tests.integration.tracking.conftest import Tracking
from tests.integration.tracking.test_mlflow import call, new_run


@asynccontextmanager
async def changing(tracking: Tracking, statement: str, *values: Any) -> AsyncIterator[Any]:
    """A transaction of somebody else, which has changed something and commits in the end."""
    async with tracking.database.transaction() as conn:
        await conn.execute(statement, *values)
        yield conn


async def waiting(tracking: Tracking, count: int) -> None:
    async def found() -> bool:
        return await tracking.database.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") == count

    await eventually(found, what=f"{count} transactions that wait")


async def ends_told(tracking: Tracking, run_id: str) -> int:
    await eventually(lambda: any(body.get("runId") == run_id for _, body in tracking.told))
    await eventually(lambda: tracking.database.fetchval("SELECT count(*) = 0 FROM outbox"))
    return sum("tracked_run.finished" in subject and body["runId"] == run_id for subject, body in tracking.told)


@pytest.mark.parametrize("api", ["ours", "MLflow's"])
async def test_a_run_that_two_end_at_once_ends_once(tracking: Tracking, api: str) -> None:
    run_id = await tracking.new_run()

    async def end() -> None:
        if api == "ours":
            await tracking.call("UpdateTrackedRun", run_id=run_id, state=pb.TRACKED_RUN_STATE_FINISHED)
        else:
            await call(tracking, "Log", "runs/update", run_id=run_id, status="FINISHED")

    async with changing(tracking, "SELECT 1 FROM runs WHERE uuid = $1 FOR UPDATE", run_id):
        ends = [asyncio.create_task(end()) for _ in range(2)]
        await waiting(tracking, 2)
    await asyncio.gather(*ends)
    assert await ends_told(tracking, run_id) == 1


async def test_no_run_begins_in_an_experiment_that_is_being_deleted(tracking: Tracking) -> None:
    ident = (await call(tracking, "Log", "experiments/create", name="churn"))["experiment_id"]
    async with changing(tracking, "UPDATE experiments SET deleted_at = now() WHERE id = $1", int(ident)):
        late = asyncio.create_task(new_run(tracking, experiment_id=ident))
        await waiting(tracking, 1)
    with pytest.raises(InvalidArgument, match="must be in the 'active' state"):
        await late
    with pytest.raises(FailedPrecondition, match="'churn' is deleted"):
        await tracking.new_run(experiment="churn")
    assert await tracking.database.fetchval("SELECT count(*) FROM runs") == 0


async def test_a_flow_that_runs_again_brings_its_experiment_back(tracking: Tracking) -> None:
    first = await tracking.starts(flow="Train")
    await eventually(lambda: _runs(tracking, 1))
    found = await call(tracking, "Read", "experiments/get-by-name", experiment_name="Train")
    await call(tracking, "Change", "experiments/delete", experiment_id=found["experiment"]["experiment_id"])
    second = await tracking.starts(flow="Train")
    await eventually(lambda: _runs(tracking, 2))
    found = await call(tracking, "Read", "experiments/get-by-name", experiment_name="Train")
    assert found["experiment"]["lifecycle_stage"] == "active"
    stages = [
        (await call(tracking, "Read", "runs/get", run_id=run.replace("-", "")))["run"]["info"]["lifecycle_stage"]
        for run in (first, second)
    ]
    assert stages == ["deleted", "active"]


async def _runs(tracking: Tracking, count: int) -> bool:
    return await tracking.database.fetchval("SELECT count(*) FROM runs") == count
