"""One run, one worker or one deployment with something odd harms no other; an outage costs no work that goes on."""

import asyncio
import json
from typing import Any

import pytest

from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.errors import InvalidArgument, NotFound
from tests.integration.scheduler.conftest import FOREACH, LINEAR, failure, graph, step, success

ONE = graph(step("start", "end"), step("end"))


async def test_a_limited_run_with_very_many_ready_tasks_hides_no_other(scheduler, eventually):
    s = await scheduler()
    wide = await s.start(FOREACH, max_workers=1)
    await s.kit.database.execute(
        """INSERT INTO tasks (run_id, step, path, index, step_no, state, attempt, pool, priority, widths, parent)
        SELECT $1, 'work', '', i, 1, 2, 0, 'default', 0, '3000', ''
        FROM generate_series(0, 2999) i""",
        wide,
    )
    other = await s.start(ONE)
    await s.worker(lambda a: None if a["key"]["runId"] == wide else success(), slots=3)
    run = await eventually(lambda: s.over(other))
    assert run.state == pb.RUN_STATE_SUCCEEDED
    assert (await s.run(wide)).tasks.running == 1


async def test_a_heartbeat_with_nonsense_still_keeps_the_rest(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: None)
    run_id = await s.start(ONE)
    await eventually(lambda: worker.held)
    unknown = {"key": {"runId": "00000000-0000-7000-8000-000000000000", "step": "start"}, "attempt": 1}
    worker.held += [unknown, {"key": {"runId": run_id, "step": "nope"}, "attempt": 1}]
    await worker.heartbeat()
    await eventually(lambda: _holder(s, run_id))
    await eventually(lambda: len(worker.cancelled) == 2)
    assert worker.cancelled[0] == unknown


async def _holder(s: Any, run_id: str) -> str:
    return (await s.tasks(run_id))[0].worker


async def test_a_heartbeat_locks_the_run_before_its_tasks(scheduler, eventually):
    """As completions do: in the other order the two would wait for each other in a circle."""
    s = await scheduler()
    worker = await s.worker(lambda a: None)
    run_id = await s.start(ONE)
    await eventually(lambda: worker.held)
    waiting = """SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    async with s.kit.database.transaction() as conn:
        await conn.fetch("SELECT 1 FROM runs WHERE run_id = $1 FOR NO KEY UPDATE", run_id)
        await worker.heartbeat()
        await eventually(lambda: _is(s.kit.database.fetchval(waiting), 1))
        await conn.fetch("SELECT 1 FROM tasks WHERE run_id = $1 FOR NO KEY UPDATE NOWAIT", run_id)
    await eventually(lambda: _holder(s, run_id))


async def test_after_a_restart_only_workers_that_stay_silent_count_as_lost(
    scheduler, service_kit, new_database, eventually, fast
):
    url = await new_database("scheduler")
    s = await scheduler(database_url=url, **fast)
    workers = [await s.worker(lambda a: None, slots=1) for _ in range(2)]
    for _ in workers:
        await s.start(ONE)
    await eventually(lambda: all(w.held for w in workers))
    for worker in workers:
        await worker.heartbeat()
    held = "SELECT count(*) FROM tasks WHERE session_id IS NOT NULL"
    await eventually(lambda: _is(s.kit.database.fetchval(held), 2))
    await s.kit.database.execute("UPDATE sessions SET lease_until = now() - interval '30 s'")
    await s.kit.database.execute("UPDATE tasks SET dispatched_at = now() - interval '1 hour'")
    await s.kit.stop()

    again = await service_kit("scheduler", database_url=url, **fast)
    await again.start_commands()
    live, silent = workers
    beating = asyncio.create_task(_beat(live))
    attempt = "SELECT attempt + lost FROM tasks WHERE run_id = $1 AND step = 'start'"
    of_silent, of_live = (w.held[0]["key"]["runId"] for w in (silent, live))
    await eventually(lambda: _is(again.database.fetchval(attempt, of_silent), 2))
    assert await again.database.fetchval(attempt, of_live) == 1
    assert (await live.complete(live.held[0], success()))["disposition"] == "DISPOSITION_ACCEPTED"
    beating.cancel()


async def _is(value: Any, expected: int) -> bool:
    return await value == expected


async def _beat(worker: Any) -> None:
    while True:
        await worker.heartbeat()
        await asyncio.sleep(0.1)


async def test_a_failure_in_any_words_is_kept(scheduler, eventually):
    s = await scheduler()
    await s.worker(lambda a: failure("before\0after" + "x" * 500_000, retryable=False))
    run = await eventually(lambda r=await s.start(ONE): s.over(r))
    assert run.failure.message.startswith("before\N{REPLACEMENT CHARACTER}after")
    assert len(run.failure.message) < 10_000


async def test_another_projects_run_cannot_be_resumed(scheduler, eventually):
    s = await scheduler()
    await s.worker(lambda a: success())
    run = await eventually(lambda r=await s.start(LINEAR): s.over(r))
    request = pb.StartRunRequest(project="other", graph=LINEAR, code=run.code, origin_run_id=run.run_id)
    with pytest.raises(NotFound, match="no run"):
        await s.client.StartRun(request)


async def test_what_a_run_is_started_with_has_limits(scheduler):
    s = await scheduler()
    for more, message in (
        ({"parameters": {"text": "x" * 70_000}}, "more than 65,536"),
        ({"parameters": {"text": "\0"}}, "NUL"),
        ({"priority": 2_000_000}, "priority"),
        ({"tags": ["a\0b"]}, "tags"),
    ):
        with pytest.raises(InvalidArgument, match=message):
            await s.start(ONE, **more)


async def test_a_deployment_that_cannot_start_holds_up_no_other_clock(scheduler, eventually):
    s = await scheduler()
    for flow in ("Broken", "Nightly"):
        shape = graph(step("start", "end"), step("end"))
        shape.flow = flow
        cron = pb.Trigger(cron=pb.CronTrigger(cron="0 3 * * *"))
        code = pb.Code(package="ab" * 32, entrypoint="flow.py", flow_class="F")
        await s.client.DeployFlow(pb.DeployFlowRequest(project="default", graph=shape, code=code, triggers=[cron]))
    database = s.kit.database
    await database.execute("UPDATE deployments SET code = $1 WHERE name = 'Broken'", {"package": ""})
    await database.execute("UPDATE deployments SET next_at = now() - interval '1 hour'")
    started = "SELECT array_agg(flow) FROM runs"
    assert await eventually(lambda: database.fetchval(started)) == ["Nightly"]


async def test_more_transactions_than_connections_do_not_wait_for_each_other(scheduler, bus, eventually):
    """A cold scheduler reads shapes of flows inside of transactions: with the connection that it has."""
    s = await scheduler(database_pool_size=1)
    shape = graph(step("start", "end"), step("end"))
    code = pb.Code(package="ab" * 32, entrypoint="flow.py", flow_class="F")
    trigger = pb.Trigger(event=pb.EventTrigger(name="data.arrived"))
    await s.client.DeployFlow(pb.DeployFlowRequest(project="default", graph=shape, code=code, triggers=[trigger]))
    publisher = await bus.connect("publisher-default")
    _forget(s)
    for number in range(16):
        await publisher.publish("hw.ext.default.data.arrived", json.dumps({"n": number}).encode())
    count = "SELECT count(*) = 16 FROM runs"
    assert await eventually(lambda: s.kit.database.fetchval(count))


def _forget(s: Any) -> None:
    """What a process that has just started does not know."""
    for _, table in s.kit.tables.values():
        store = table["list_runs"].function.__self__._store
        store._plans.clear()
        store._infos.clear()
