"""Points, params and tags: from tasks, from the API, and from anybody by `nats pub`; each is stored once, or becomes a
dead letter that says why."""

import asyncio
import math
from typing import Any

import msgspec
import pytest

from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.errors import AlreadyExists, InvalidArgument, NotFound
from headwater_server.kit.ids import uuid7
from tests.integration.tracking.conftest import Tracking

EVE = Identity(Actor("user", "eve"), "admin", "other")


async def test_a_batch_is_stored_once(tracking: Tracking, eventually: Any) -> None:
    run_id = await tracking.new_run()
    for _ in range(4):
        await tracking.logs(run_id, ("loss", 0.5, 0), ("loss", 0.4, 1), batchId="b1")
    await eventually(lambda: _latest(tracking, run_id, loss=0.4))
    await tracking.call("LogBatch", run_id=run_id, batch_id="b1", metrics=[pb.Metric(key="loss", value=0.5, step=0)])
    await tracking.logs(run_id, ("loss", 0.3, 2), batchId="b2")
    await eventually(lambda: _latest(tracking, run_id, loss=0.3))
    assert await tracking.points(run_id, "loss") == [(0, 0.5), (1, 0.4), (2, 0.3)]


async def _latest(tracking: Tracking, run_id: str, **values: float) -> bool:
    return {m.key: m.value for m in (await tracking.run(run_id)).metrics} == values


async def test_numbers_that_are_none(tracking: Tracking, eventually: Any) -> None:
    run_id = await tracking.new_run()
    await tracking.batch(run_id, b'{"metrics": [{"key": "a", "value": NaN}, {"key": "b", "value": "Infinity"}]}')
    metrics = [
        pb.Metric(key="c", value=-math.inf),
        pb.Metric(key="d", value=math.nan, step=2),
        pb.Metric(key="d", step=1),
    ]
    await tracking.call("LogBatch", run_id=run_id, metrics=metrics)

    async def found() -> Any:
        return len(values := {m.key: m.value for m in (await tracking.run(run_id)).metrics}) == 4 and values

    values = await eventually(found)
    assert math.isnan(values["a"]) and math.isnan(values["d"])
    assert (values["b"], values["c"]) == (math.inf, -math.inf)
    (_, first), (_, second) = await tracking.points(run_id, "d")
    assert first == 0 and math.isnan(second)


async def test_the_latest_point_is_of_the_highest_step(tracking: Tracking) -> None:
    run_id = await tracking.new_run()

    async def log(value: float, step: int, at: int) -> None:
        metric = pb.Metric(key="m", value=value, step=step, timestamp_ms=at)
        await tracking.call("LogBatch", run_id=run_id, metrics=[metric])

    await log(1, 5, 10)
    await log(2, 3, 99)
    assert await _latest(tracking, run_id, m=1)
    await log(3, 5, 11)
    assert await _latest(tracking, run_id, m=3)
    await asyncio.gather(*(log(step, step, 1) for step in range(6, 30)))
    assert await _latest(tracking, run_id, m=29)


async def test_a_param_is_written_once(tracking: Tracking, eventually: Any) -> None:
    run_id = await tracking.new_run()
    await tracking.call("LogBatch", run_id=run_id, params={"lr": "0.1"}, tags={"t": "1"})
    await tracking.call("LogBatch", run_id=run_id, params={"lr": "0.1", "k": "v"}, tags={"t": "2"})
    with pytest.raises(InvalidArgument, match=r"params\['lr'\]: is '0.1' already, it cannot become '0.2'"):
        await tracking.call(
            "LogBatch", run_id=run_id, params={"lr": "0.2", "new": "x"}, metrics=[pb.Metric(key="m", value=1)]
        )
    run = await tracking.run(run_id)
    assert (run.params, run.tags["t"]) == ({"lr": "0.1", "k": "v"}, "2")
    assert not run.metrics, "a refused batch leaves nothing"
    await tracking.logs(run_id, ("m", 1.0, 0), params={"lr": "0.2", "new": "x"})
    dead = await tracking.next_dead()
    assert "params['lr']: is '0.1' already" in dead.reason and "written once" in dead.reason
    run = await tracking.run(run_id)
    assert (run.params, await _latest(tracking, run_id, m=1)) == ({"lr": "0.1", "k": "v", "new": "x"}, True)


async def test_anybody_logs_by_nats_pub(tracking: Tracking, eventually: Any) -> None:
    run_id = await tracking.new_run()
    await tracking.foreign(f'{{"run_id":"{run_id}","key":"loss","value":0.1,"step":3}}'.encode())
    await tracking.foreign([{"runId": run_id, "key": "acc", "value": n, "step": n} for n in range(3)])
    await tracking.foreign({"run_id": run_id, "key": "lr", "value": 0.5}, "param")
    await tracking.foreign({"run_id": run_id, "key": "team", "value": "vision"}, "tag")
    for _ in range(2):
        await tracking.foreign(
            {"run_id": run_id, "key": "f1", "value": 1, "step": 1}, ce_id="1", ce_type="m", ce_source="r"
        )

    async def complete() -> bool:
        run = await tracking.run(run_id)
        return len(run.metrics) == 3 and bool(run.params) and "team" in run.tags

    await eventually(complete)
    run = await tracking.run(run_id)
    assert {m.key: (m.value, m.step) for m in run.metrics} == {"loss": (0.1, 3), "acc": (2, 2), "f1": (1, 1)}
    assert (run.params, run.tags["team"]) == ({"lr": "0.5"}, "vision")
    assert await tracking.points(run_id, "f1") == [(1, 1.0)], "an event with an id is stored once"
    assert tracking.dead == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "the body is not JSON"),
        (b"[]", "1 to 1000"),
        (b'"x"', "is not an object"),
        ({"key": "loss", "value": 1}, "run_id: missing"),
        ({"run_id": "RUN", "value": 1}, "key: missing"),
        ({"run_id": "RUN", "key": "loss"}, "value: missing"),
        ({"run_id": "x", "key": "loss", "value": 1}, "run_id: 'x' is not the id of a run"),
        ({"run_id": "RUN", "key": "loss", "value": "high"}, "value: 'high' is not a number"),
        ({"run_id": "RUN", "key": "loss", "value": 1, "step": 1.5}, "step: 1.5 is not a whole number"),
        ({"run_id": "RUN", "key": "", "value": 1}, "key: the key is empty"),
        ([{"run_id": "RUN", "key": "a", "value": 1}, {"run_id": "RUN", "value": 1}], "[1].key: missing"),
    ],
)
async def test_foreign_events_that_are_malformed(tracking: Tracking, body: Any, says: str) -> None:
    run_id = await tracking.new_run()
    payload = (body if isinstance(body, bytes) else msgspec.json.encode(body)).replace(b"RUN", run_id.encode())
    await tracking.foreign(payload)
    dead = await tracking.next_dead()
    assert (dead.subject, dead.data) == ("hw.ext.default.metric", payload)
    assert says in dead.reason
    assert await tracking.stored() == 0


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"\xff", "the body is not JSON"),
        ({"runId": uuid7()}, "run_id: "),
        ({"metrics": {"loss": 1}}, "metrics: "),
        ({"metrics": [{"value": 1}]}, "metrics[0].key"),
        ({"metrics": [{"key": "a", "value": []}]}, "metrics[0].value"),
        ({"params": {"a": "x\0"}}, "params['a']: holds a NUL"),
        ({"task": "fit"}, "task: 'fit' is not step/task_id"),
    ],
)
async def test_batches_that_are_malformed(tracking: Tracking, body: Any, says: str, eventually: Any) -> None:
    run_id = await tracking.new_run()
    await tracking.batch(run_id, body)
    await tracking.logs(run_id, ("ok", 1.0, 0))
    assert says in (await tracking.next_dead()).reason
    await eventually(lambda: _latest(tracking, run_id, ok=1.0), what="the good batch beside it")


async def test_a_foreign_metric_waits_for_its_run(tracking: Tracking, eventually: Any) -> None:
    run_id = uuid7()
    await tracking.foreign({"run_id": run_id, "key": "loss", "value": 1})
    await tracking.starts(run_id)
    await eventually(lambda: _stored(tracking, 1))


async def _stored(tracking: Tracking, number: int) -> bool:
    return await tracking.stored() == number


async def test_a_run_that_nobody_knows(tracking: Tracking) -> None:
    run_id = uuid7()
    await tracking.foreign({"run_id": run_id, "key": "loss", "value": 1})
    assert f"run_id: project 'default' has no run {run_id}" in (await tracking.next_dead(30)).reason
    with pytest.raises(NotFound):
        await tracking.run(run_id)


async def test_projects_do_not_see_each_other(tracking: Tracking) -> None:
    run_id = await tracking.new_run("mine")
    for method, fields in (
        ("GetTrackedRun", {}),
        ("UpdateTrackedRun", {"name": "stolen"}),
        ("LogBatch", {"tags": {"a": "b"}}),
        ("GetMetricHistory", {"key": "loss"}),
    ):
        with pytest.raises(NotFound) as caught:
            await tracking.call(method, EVE, run_id=run_id, **fields)
        assert caught.value.message == f"run_id: no tracked run {run_id}", "as if there were none"
    with pytest.raises(NotFound, match=f"parent_run_id: no tracked run {run_id}"):
        await tracking.call("CreateTrackedRun", EVE, parent_run_id=run_id)
    with pytest.raises(AlreadyExists, match=f"run_id: {run_id} is taken"):
        await tracking.call("CreateTrackedRun", EVE, run_id=run_id)
    assert not (await tracking.call("SearchTrackedRuns", EVE)).runs
    assert not (await tracking.call("SearchTrackedRuns", EVE, parent_run_id=run_id)).runs
    with pytest.raises(NotFound, match="experiments: project 'other' has no experiment 'Default'"):
        await tracking.call("SearchTrackedRuns", EVE, experiments=["Default"])
    for publish in (
        tracking.foreign({"run_id": run_id, "key": "loss", "value": 1}, project="other"),
        tracking.logs(run_id, ("loss", 1.0, 0), project="other"),
    ):
        await publish
        assert f"run_id: project 'other' has no run {run_id}" in (await tracking.next_dead()).reason
    run = await tracking.run(run_id)
    assert (run.name, "a" in run.tags, list(run.metrics)) == ("mine", False, [])


async def test_batches_that_the_api_refuses(tracking: Tracking) -> None:
    run_id = await tracking.new_run()
    for fields, says in (
        ({"metrics": [pb.Metric(key="")]}, r"metrics\[0\].key: the key is empty"),
        ({"metrics": [pb.Metric(key="a")] * 1001}, "metrics: 1001 points, at most 1000"),
        ({"params": {"a": "x" * 6001}}, r"params\['a'\]: 6001 characters, at most 6000"),
        ({"tags": {"k" * 251: "x"}}, "251 characters, at most 250"),
        ({"batch_id": "x" * 201}, "batch_id: "),
    ):
        with pytest.raises(InvalidArgument, match=says):
            await tracking.call("LogBatch", run_id=run_id, **fields)
    with pytest.raises(InvalidArgument, match="run_id: 'r1' is not the id of a run"):
        await tracking.call("LogBatch", run_id="r1")


async def test_a_history_is_thinned(tracking: Tracking) -> None:
    run_id = await tracking.new_run()
    values = [math.sin(step / 50) for step in range(5000)]
    values[1234], values[4321] = 50.0, -50.0
    metrics = [pb.Metric(key="m", value=value, step=step) for step, value in enumerate(values)]
    for start in range(0, 5000, 1000):
        await tracking.call("LogBatch", run_id=run_id, metrics=metrics[start : start + 1000])
    every = list(enumerate(values))
    assert await tracking.points(run_id, "m") == await tracking.points(run_id, "m", max_points=5000) == every
    thin = await tracking.points(run_id, "m", max_points=200)
    assert 100 < len(thin) <= 200 and thin == sorted(thin) and set(thin) <= set(every)
    assert thin[0] == every[0] and thin[-1] == every[-1]
    assert {(1234, 50.0), (4321, -50.0)} <= set(thin), "extremes stay"
    for most in (1, 2, 3):
        assert len(await tracking.points(run_id, "m", max_points=most)) <= most
    with pytest.raises(NotFound, match="key: the run has no metric 'n'") as caught:
        await tracking.points(run_id, "n")
    assert caught.value.hint == "there is 'm'"
    with pytest.raises(InvalidArgument, match="max_points: -1 is negative"):
        await tracking.points(run_id, "m", max_points=-1)


async def test_what_was_logged_while_the_database_was_away(tracking: Tracking, eventually: Any) -> None:
    """A connection that breaks in the middle costs nothing and doubles nothing."""
    run_id = await tracking.new_run()
    others = "usename = current_user AND pid <> pg_backend_pid()"
    kill = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
    for number in range(200):
        await tracking.logs(run_id, ("m", float(number), number))
        if number % 40 == 0:
            try:
                await tracking.database.execute(kill)
            except Exception:  # its own connection may be among the victims of the next one
                continue
    await eventually(lambda: _stored(tracking, 200), 20)
    assert [step for step, _ in await tracking.points(run_id, "m")] == list(range(200))
