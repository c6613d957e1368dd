"""Tasks that need more than a slot of a worker: GPUs, memory they insist on, a place for a gang wider than the pool."""

import asyncio
from typing import Any

import pytest

from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.errors import InvalidArgument
from tests.integration.scheduler.conftest import graph, step, success

FAN = graph(
    step("start", "work", foreach="items"),
    step("work", "join", resources={"cpu": 1, "gpu": 1}),
    step("join", "end", joins="start"),
    step("end"),
)


class Recorder:
    """Behaves as four tasks of `work` that wait for `gate`, and remembers how many ran at a time, by worker."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.running: dict[str, int] = {}
        self.most: dict[str, int] = {}

    def on(self, name: str) -> Any:
        async def behave(task: dict[str, Any]) -> dict[str, Any]:
            if task["key"]["step"] == "start":
                return success(foreachWidth=4)
            if task["key"]["step"] == "work":
                self.running[name] = self.running.get(name, 0) + 1
                self.most[name] = max(self.most.get(name, 0), self.running[name])
                await self.gate.wait()
                await asyncio.sleep(0.02)
                self.running[name] -= 1
            return success()

        return behave


async def test_gpus_go_to_one_task_each_on_the_workers_that_have_them(scheduler, eventually):
    s, what = await scheduler(), Recorder()
    await s.worker(what.on("none"), slots=8)
    run_id = await s.start(FAN)

    async def waits() -> bool:
        return (await s.run(run_id)).waiting_for.startswith("waiting for a worker with 1 GPU in pool default")

    await eventually(waits)
    assert "its workers have none. Start one with --gpus 1" in (await s.run(run_id)).waiting_for
    await s.worker(what.on("one"), slots=4, gpus=1)
    await s.worker(what.on("two"), slots=4, gpus=2)

    async def all_three() -> bool:
        return sum(what.running.values()) == 3

    await eventually(all_three)
    workers = (await s.client.ListWorkers(pb.ListWorkersRequest())).workers
    assert sorted((w.gpus, w.gpus_busy) for w in workers) == [(0, 0), (1, 1), (2, 2)]
    other = await s.start(graph(step("start", "end", resources={"gpu": 2}), step("end")))
    await eventually(lambda: _says(s, other, "waiting for 2 GPUs: all 2 of pool default are in use"))
    what.gate.set()
    for each in (run_id, other):
        assert (await eventually(lambda r=each: s.over(r))).state == pb.RUN_STATE_SUCCEEDED
    assert what.most == {"one": 1, "two": 2}


async def _says(s: Any, run_id: str, text: str) -> bool:
    return (await s.run(run_id)).waiting_for == text


async def test_gpus_of_a_lost_worker_are_not_waited_for(scheduler, eventually, fast):
    s = await scheduler(**fast)
    shape = graph(step("start", "end", resources={"gpu": 1}), step("end"))
    lost = await s.worker(lambda task: None, gpus=1)
    run_id = await s.start(shape)
    await eventually(lambda: lost.held)
    found = await s.worker(lambda task: success(), gpus=1)
    beating = asyncio.create_task(_beat(found))
    assert (await eventually(lambda: s.over(run_id), timeout=30)).state == pb.RUN_STATE_SUCCEEDED
    assert found.seen[0]["attempt"] > 1
    beating.cancel()


async def _beat(worker: Any) -> None:
    while True:
        await worker.heartbeat()
        await asyncio.sleep(0.1)


async def test_memory_counts_only_where_the_step_insists(scheduler, eventually):
    s, what = await scheduler(), Recorder()
    await s.worker(what.on("small"), slots=4, memoryMb="3000", cpus=4.0)
    hint = await s.start(graph(step("start", "end", resources={"memoryMb": 9000}), step("end")))
    assert (await eventually(lambda: s.over(hint))).state == pb.RUN_STATE_SUCCEEDED
    huge = await s.start(graph(step("start", "end", resources={"memoryMb": 9000, "enforce": True}), step("end")))
    text = (
        "waiting for a worker with 9000 MB of memory in pool default: its largest worker has 3000 MB and 4 CPUs. "
        "Start a larger one, or ask for less"
    )
    await eventually(lambda: _says(s, huge, text))
    insists = step("work", "join", resources={"memoryMb": 1400, "enforce": True})
    fan = graph(step("start", "work", foreach="i"), insists, step("join", "end", joins="start"), step("end"))
    run_id = await s.start(fan)
    await eventually(lambda: what.running.get("small") == 2)
    what.gate.set()
    assert (await eventually(lambda: s.over(run_id))).state == pb.RUN_STATE_SUCCEEDED
    assert what.most == {"small": 2}


async def test_a_gang_wider_than_the_pool_starts_on_a_worker_that_allows_it(scheduler, eventually):
    s = await scheduler()
    shape = graph(
        step("start", "train", foreach="_", gang=True),
        step("train", "join"),
        step("join", "end", joins="start"),
        step("end"),
    )
    barrier, arrived = asyncio.Event(), []

    async def behave(task: dict[str, Any]) -> dict[str, Any]:
        if task["key"]["step"] == "start":
            return success(foreachWidth=4)
        if task["key"]["step"] == "train":
            arrived.append(task["key"].get("index", 0))
            if len(arrived) == 4:
                barrier.set()
            await barrier.wait()  # as collective operations do
        return success()

    await s.worker(behave, slots=2, gangSlots=4)
    run_id = await s.start(shape)
    assert (await eventually(lambda: s.over(run_id))).state == pb.RUN_STATE_SUCCEEDED
    assert sorted(arrived) == [0, 1, 2, 3]


async def test_what_a_worker_says_that_it_has_is_checked(scheduler):
    s = await scheduler()
    for field, value in (("gpus", 65), ("gang_slots", -1), ("memory_mb", -1), ("cpus", -0.5)):
        with pytest.raises(InvalidArgument, match=f"{field}: {value} is not between"):
            await s.client.OpenSession(pb.OpenSessionRequest(pool="default", slots=1, **{field: value}))
    for wrong, text in (({"isolation": "vm"}, "has the isolation 'vm'"), ({"resources": {"gpu": -1}}, "less than no")):
        with pytest.raises(InvalidArgument, match=text):
            await s.start(graph(step("start", "end", **wrong), step("end")))
