"""What holds tasks back, or ends a run from outside: pauses, deadlines, concurrency limits, missed times of a clock,
and rows that make no sense."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import ParseDict

from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.errors import FailedPrecondition, InvalidArgument
from tests.integration.scheduler.conftest import CODE, LINEAR, graph, step, success


async def test_a_paused_run_goes_on_where_it_stopped(scheduler, eventually):
    s = await scheduler()
    gate = asyncio.Event()

    async def behave(task: dict[str, Any]) -> dict[str, Any]:
        if task["key"]["step"] == "start":
            await gate.wait()
        return success()

    worker = await s.worker(behave)
    run_id = await s.start()
    await eventually(lambda: worker.seen)
    paused = (await s.client.PauseRun(pb.PauseRunRequest(run_id=run_id))).run
    assert paused.HasField("paused_at") and paused.state == pb.RUN_STATE_RUNNING
    gate.set()

    async def waits() -> bool:
        run = await s.run(run_id)
        return run.tasks.succeeded == 1 and run.tasks.ready == 1 and run.waiting_for.startswith("paused")

    await eventually(waits)
    other = await s.start()
    assert (await eventually(lambda: s.over(other))).state == pb.RUN_STATE_SUCCEEDED
    assert [task["key"]["step"] for task in worker.seen if task["key"]["runId"] == run_id] == ["start"]
    resumed = (await s.client.ResumeRun(pb.ResumeRunRequest(run_id=run_id))).run
    assert not resumed.HasField("paused_at")
    assert (await eventually(lambda: s.over(run_id))).state == pb.RUN_STATE_SUCCEEDED
    with pytest.raises(FailedPrecondition, match="is over: it has succeeded"):
        await s.client.PauseRun(pb.PauseRunRequest(run_id=run_id))


async def test_a_run_that_takes_too_long_is_cancelled(scheduler, eventually):
    s = await scheduler()
    await s.worker(lambda task: None)
    run_id = await s.start(timeout=Duration(seconds=1))
    run = await eventually(lambda: s.over(run_id))
    assert run.state == pb.RUN_STATE_CANCELLED
    assert run.failure.message == "the run took longer than its timeout of 1 s"
    with pytest.raises(InvalidArgument, match="timeout: -1 s is not between 0 and a year"):
        await s.start(timeout=Duration(seconds=-1))


LIMITED = graph(
    step("start", "work", foreach="items"),
    step("work", "join", concurrency=["warehouse"]),
    step("join", "end", joins="start"),
    step("end"),
)


async def test_a_limit_holds_over_all_runs_of_a_project(scheduler, eventually):
    s = await scheduler()
    running, most = 0, 0

    async def behave(task: dict[str, Any]) -> dict[str, Any]:
        nonlocal running, most
        if task["key"]["step"] == "start":
            return success(foreachWidth=4)
        if task["key"]["step"] == "work":
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.05)
            running -= 1
        return success()

    await s.client.SetLimit(pb.SetLimitRequest(project="default", key="warehouse", most=2))
    await s.worker(behave, slots=8)
    runs = [await s.start(LIMITED) for _ in range(2)]
    for run_id in runs:
        assert (await eventually(lambda r=run_id: s.over(r))).state == pb.RUN_STATE_SUCCEEDED
    assert most == 2
    (limit,) = (await s.client.ListLimits(pb.ListLimitsRequest(project="default"))).limits
    assert (limit.key, limit.most, limit.running) == ("warehouse", 2, 0)
    await s.client.SetLimit(pb.SetLimitRequest(project="default", key="warehouse", most=-1))
    assert not (await s.client.ListLimits(pb.ListLimitsRequest(project="default"))).limits
    with pytest.raises(InvalidArgument, match="key: 'a b' is no name of a limit"):
        await s.client.SetLimit(pb.SetLimitRequest(project="default", key="a b", most=1))


async def test_a_run_with_rows_that_make_no_sense_fails_and_holds_up_no_other(scheduler, eventually):
    s = await scheduler()
    broken = await s.start()
    await s.kit.database.execute("UPDATE tasks SET step = 'nowhere' WHERE run_id = $1", broken)
    orphan = await s.start()
    await s.kit.database.execute(
        "UPDATE tasks SET step = 'end', parent = 'middle' WHERE run_id = $1 AND step = 'start'", orphan
    )
    await s.worker(lambda task: success())
    good = await s.start()
    assert (await eventually(lambda: s.over(good))).state == pb.RUN_STATE_SUCCEEDED
    run = await eventually(lambda: s.over(broken))
    assert (run.state, run.failure.code) == (pb.RUN_STATE_FAILED, "INTERNAL")
    run = await eventually(lambda: s.over(orphan))
    assert "there is no result of middle/0" in run.failure.message


async def test_what_no_worker_ever_begins_fails(scheduler, eventually):
    s = await scheduler(heartbeat_seconds=0.1, lease_seconds=0.2)
    worker = await s.worker(lambda task: None)
    await worker.puller.stop()
    beating = asyncio.create_task(_beat(worker))
    run_id = await s.start()
    run = await eventually(lambda: s.over(run_id), timeout=40)
    beating.cancel()
    assert (run.state, run.failure.code) == (pb.RUN_STATE_FAILED, "NEVER_BEGUN")
    assert "handed out 10 times" in run.failure.message


async def _beat(worker: Any) -> None:
    while True:
        await worker.heartbeat()
        await asyncio.sleep(0.1)


async def _deploy(s: Any, policy: str) -> None:
    trigger = {"cron": {"cron": "* * * * *", "timezone": "Europe/Berlin", "catchUp": policy}}
    request = pb.DeployFlowRequest(project="default", graph=LINEAR, code=CODE)
    request.triggers.append(ParseDict(trigger, pb.Trigger()))
    await s.client.DeployFlow(request)


@pytest.mark.parametrize(("policy", "runs"), [("skip", 0), ("once", 1), ("all", 4)])
async def test_times_that_were_missed(scheduler, eventually, policy, runs):
    s = await scheduler()
    await _deploy(s, policy)
    missed = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=3)
    await s.kit.database.execute("UPDATE deployments SET next_at = $1", missed)

    async def caught_up() -> bool:
        return await s.kit.database.fetchval("SELECT next_at > now() FROM deployments")

    await eventually(caught_up, timeout=20)
    found = (await s.client.ListRuns(pb.ListRunsRequest(project="default"))).runs
    assert len(found) == runs


async def test_a_paused_deployment_starts_nothing(scheduler, eventually):
    s = await scheduler()
    await _deploy(s, "all")
    about = {"project": "default", "name": "F"}
    found = (await s.client.PauseDeployment(pb.PauseDeploymentRequest(**about))).deployment
    assert found.HasField("paused_at")
    await s.kit.database.execute("UPDATE deployments SET next_at = now() - interval '5 minutes'")
    await asyncio.sleep(1.5)
    assert not (await s.client.ListRuns(pb.ListRunsRequest(project="default"))).runs
    found = (await s.client.ResumeDeployment(pb.ResumeDeploymentRequest(**about))).deployment
    assert not found.HasField("paused_at")
    assert found.next_at.ToDatetime(UTC) > datetime.now(UTC)
    with pytest.raises(InvalidArgument, match="catch_up: 'never' is no policy"):
        await _deploy(s, "never")
