"""Switches, loops and gangs on real servers."""

import asyncio
from typing import Any

import pytest

from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from tests.harness.waiting import eventually
from tests.integration.scheduler.conftest import failure, graph, results_of, step, success

pytestmark = pytest.mark.asyncio


def switch(name: str, *cases: str) -> dict[str, Any]:
    return {"name": name, "transition": "TRANSITION_SWITCH", "next": list(cases), "condition": "x"}


# Each item goes around its own loop, as often as its index says, and takes one of two ways to the join.
LOOPS = graph(
    step("start", "work", foreach="items"),
    step("work", "check"),
    switch("check", "work", "even", "odd"),
    step("even", "join"),
    step("odd", "join"),
    step("join", "end", joins="start"),
    step("end"),
)
GANG = graph(
    step("start", "train", foreach="ubf", gang=True),
    step("train", "join", retry={"times": 1}),
    step("join", "end", joins="start"),
    step("end"),
)


def _rounds(task: dict[str, Any]) -> int:
    loops = task["key"].get("path", "").partition("~")[2]
    return int(loops.split(".")[1]) if loops else 0


def loops(task: dict[str, Any]) -> dict[str, Any]:
    name, index = task["key"]["step"], task["key"].get("index", 0)
    if name == "start":
        return success("start", foreachWidth=4)
    if name == "check":
        way = "work" if _rounds(task) < index else ("even", "odd")[index % 2]
        return success(f"{index}:{_rounds(task)}", next=[way])
    if name == "join":
        return success(",".join(results_of(task)))
    if name in ("even", "odd"):
        return success(f"{name}{index}:{results_of(task)[0]}")
    return success(f"{results_of(task)[0] if task.get('inputs') else ''}")


@pytest.mark.parametrize("eager", [True, False])
async def test_items_loop_on_their_own_and_the_join_gets_what_arrived(scheduler, eager):
    server = await scheduler()
    await server.worker(loops, slots=3, eager=eager)
    run_id = await server.start(LOOPS)
    run = await eventually(lambda: server.over(run_id))
    assert run.state == pb.RUN_STATE_SUCCEEDED
    joined = (await server.tasks(run_id, step="join", results=True))[0].result.decode()
    assert joined == "even0:0:0,odd1:1:1,even2:2:2,odd3:3:3"
    ids = [task.task_id for task in await server.tasks(run_id, step="work")]
    assert ids == ["0", "1", "1~0.1", "2", "2~0.1", "2~0.2", "3", "3~0.1", "3~0.2", "3~0.3"]
    found = await server.tasks(run_id, step="work", task_id="2~0.1")
    assert [task.key.path for task in found] == ["~0.1"]


async def test_a_switch_must_choose_one_of_its_cases(scheduler):
    server = await scheduler()
    await server.worker(lambda task: success("x", next=["elsewhere"], foreachWidth=1))
    run_id = await server.start(ONE_SWITCH)
    run = await eventually(lambda: server.over(run_id))
    assert run.state == pb.RUN_STATE_FAILED
    assert "the switch in step start chose elsewhere; its cases are a, end" in run.failure.message


ONE_SWITCH = graph(switch("start", "a", "end"), step("a", "end"), step("end"))


async def test_a_resumed_loop_goes_on_in_the_round_that_failed(scheduler):
    server, broken = await scheduler(), True

    def behave(task: dict[str, Any]) -> dict[str, Any]:
        if broken and task["key"]["step"] == "work" and _rounds(task) == 2:
            return failure(retryable=False)
        return loops(task)

    worker = await server.worker(behave, slots=1)
    run_id = await server.start(LOOPS)
    first = await eventually(lambda: server.over(run_id))
    assert first.state == pb.RUN_STATE_FAILED
    broken = False
    worker.seen.clear()
    again = await server.start(LOOPS, origin_run_id=run_id)
    assert (await eventually(lambda: server.over(again))).state == pb.RUN_STATE_SUCCEEDED
    joined = (await server.tasks(again, step="join", results=True))[0].result.decode()
    assert joined == "even0:0:0,odd1:1:1,even2:2:2,odd3:3:3"
    taken = {f"{t.key.step}/{t.task_id}" for t in await server.tasks(again) if t.origin_run_id}
    assert {"start/0", "work/2", "work/2~0.1", "check/2~0.1"} <= taken
    ran = [t["key"].get("path", "") for t in worker.seen if t["key"]["step"] == "work" and t["key"].get("index") == 2]
    assert ran == ["~0.2"]


def gang(width: int, done: Any = None):
    def behave(task: dict[str, Any]) -> Any:
        if task["key"]["step"] == "start":
            return success("start", foreachWidth=width)
        if task["key"]["step"] == "train" and done is not None:
            return done(task)
        return success("ok")

    return behave


async def test_a_gang_starts_when_there_is_room_for_all_of_it(scheduler):
    server, gate = await scheduler(), asyncio.Event()
    running: list[int] = []

    async def train(task: dict[str, Any]) -> dict[str, Any]:
        running.append(task["key"].get("index", 0))
        await gate.wait()
        return success("ok")

    first = await server.worker(gang(3, train), slots=2, eager=False)
    run_id = await server.start(GANG)
    await eventually(lambda: _has(server, run_id, "start", pb.TASK_STATE_SUCCEEDED))
    await asyncio.sleep(0.3)
    assert not running, "two slots are not enough for three"
    waiting = await server.run(run_id)
    assert waiting.tasks.pending == 3
    assert "the gang of step train needs 3 slots at once, and pool default has 2. Lower" in waiting.waiting_for
    await server.worker(gang(3, train), slots=1, eager=False)
    await eventually(lambda: _async(len(running) == 3))
    frames = [t["frames"][0] for t in first.seen if t["key"]["step"] == "train"]
    assert all(frame["gang"] and frame["width"] == 3 for frame in frames)
    gate.set()
    assert (await eventually(lambda: server.over(run_id))).state == pb.RUN_STATE_SUCCEEDED


async def test_a_member_that_fails_fails_its_gang(scheduler):
    server = await scheduler()
    attempts: list[tuple[int, int]] = []

    async def train(task: dict[str, Any]) -> dict[str, Any] | None:
        index = task["key"].get("index", 0)
        attempts.append((index, task["attempt"]))
        if task["attempt"] > 1:
            return success(f"second {index}")
        if index == 0:
            return success("first 0")
        return failure() if index == 1 else None  # the third one goes on as if nothing had happened

    worker = await server.worker(gang(3, train), slots=6, eager=False)
    run_id = await server.start(GANG)
    assert (await eventually(lambda: server.over(run_id))).state == pb.RUN_STATE_SUCCEEDED
    tasks = await server.tasks(run_id, step="train", results=True)
    assert [t.result.decode() for t in tasks] == ["second 0", "second 1", "second 2"]
    assert [t.retry_count for t in tasks] == [1, 1, 1]
    assert sorted(attempts) == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 1), (2, 2)]
    held = worker.held[0]
    late = await worker.complete(held, success("too late"))
    assert late["disposition"] == "DISPOSITION_STALE"


async def test_members_learn_where_the_first_one_is(scheduler):
    server = await scheduler()
    worker = await server.worker(gang(2, lambda task: None), slots=3)
    run_id = await server.start(GANG)
    await eventually(lambda: _async(len(worker.held) == 2))
    held = {t["key"].get("index", 0): t for t in worker.held}

    async def claim(index: int) -> dict[str, Any]:
        return await worker.request("claim_task", held[index] | {"sessionId": worker.session})

    assert await claim(1) == {"granted": True}
    assert await claim(0) == {"granted": True, "mainAddress": "127.0.0.1"}
    assert await claim(1) == {"granted": True, "mainAddress": "127.0.0.1"}
    assert (await server.run(run_id)).state == pb.RUN_STATE_RUNNING


async def _has(server: Any, run_id: str, name: str, state: int) -> bool:
    return any(task.state == state for task in await server.tasks(run_id, step=name))


async def _async(value: bool) -> bool:
    return value
