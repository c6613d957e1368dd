"""Processes of tasks: forked, reused, fresh; what limits them, and which GPUs they have."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.integration.executor.node.cluster import Cluster, Message

HERE = Path(__file__).parent


@pytest_asyncio.fixture
async def kinds(cluster: Cluster) -> Cluster:
    await cluster.use(HERE / "kinds.py")
    return cluster


def task(cluster: Cluster, step: str, index: int = 0, **spec: Any) -> Message:
    code = {"entrypoint": "kinds.py", "flowClass": "Kinds"}
    frames = [{"step": "start", "var": "items", "index": index, "width": 9}]
    return cluster.task(step, spec=spec, code=code, key={"index": index}, frames=frames)


async def told(cluster: Cluster, index: int = 0, **spec: Any) -> dict[str, Any]:
    """What a task of the step `tells` has seen."""
    assert "success" in await cluster.scheduler.run(task(cluster, "tells", index, **spec))
    ((stream, text),) = await cluster.lines("tells", str(index))
    assert stream == "STDOUT"
    return json.loads(text)


async def test_one_process_does_the_tasks_of_a_step_one_after_the_other(kinds: Cluster, eventually) -> None:
    await kinds.worker("--slots", "1")
    first, second = [await told(kinds, index, isolation="none") for index in (0, 1)]
    assert first["pid"] == second["pid"] != first["imported_in"]
    assert (first["count"], second["count"]) == (1, 2), "what modules remember stays"
    assert second["leaked"] == [""], "the rest is as it was"
    failed = await kinds.scheduler.run(task(kinds, "crashes", isolation="none"))
    assert failed["failure"]["message"] == "step crashes was killed by SIGKILL"
    failed = await kinds.scheduler.run(task(kinds, "hangs", isolation="none", timeout="0.1s"))
    assert failed["failure"]["code"] == "TIMEOUT"
    forked = await told(kinds, 2)
    assert forked["pid"] != first["pid"] and forked["count"] == 1
    again = await told(kinds, 3, isolation="none")
    assert again["pid"] == first["pid"] and again["count"] == 3, "only the tasks that crashed lost their process"


async def test_a_thread_that_outlives_its_task_takes_nothing_from_the_next_one(kinds: Cluster) -> None:
    await kinds.worker("--slots", "1")
    for index in range(3):
        done = await kinds.scheduler.run(task(kinds, "leaves_a_thread", index, isolation="none"))
        assert "success" in done


async def test_a_fresh_process_imports_the_flow_itself(kinds: Cluster) -> None:
    await kinds.worker("--gpus", "2")
    forked, fresh = await told(kinds, 0), await told(kinds, 1, isolation="process", resources={"gpu": 1})
    assert forked["pid"] != forked["imported_in"] and forked["gpus"] == ""
    assert fresh["pid"] == fresh["imported_in"] and fresh["gpus"] == "0"
    failed = await kinds.scheduler.run(task(kinds, "raises", isolation="process"))
    assert failed["failure"]["message"] == "too bad" and 'raise ValueError("too bad")' in failed["failure"]["traceback"]
    failed = await kinds.scheduler.run(task(kinds, "crashes", isolation="process"))
    assert failed["failure"]["message"] == "step crashes was killed by SIGKILL"


async def test_who_was_given_a_task_runs_it_and_no_gpu_is_given_twice(kinds: Cluster, eventually) -> None:
    await kinds.worker("--slots", "1", "--gpus", "GPU-a,GPU-b,GPU-c", "--gang-slots", "3")
    opened = kinds.scheduler.sessions[-1]
    assert (opened["gpus"], opened["gangSlots"]) == (3, 3) and int(opened["memoryMb"]) > 100 and opened["cpus"] >= 1
    given = [task(kinds, "waits", index, resources={"gpu": 1}) for index in range(4)]
    await kinds.scheduler.control({"run": given})  # one more than there are: a process may take a moment to end

    async def all_run() -> list[str]:
        found = [text for i in range(4) for _, text in await kinds.lines("waits", str(i))]
        return found if len(found) == 3 else []

    assert sorted(await eventually(all_run, 20)) == ["has GPU-a", "has GPU-b", "has GPU-c"]
    await eventually(lambda: kinds.scheduler.beats[-1]["free"] == 0)
    await kinds.scheduler.control({"cancel": [{"key": given[1]["key"], "attempt": 1}]})
    gone = (await kinds.lines("waits", "1"))[0]

    async def fourth() -> bool:
        return (await kinds.lines("waits", "3"))[:1] == [gone]

    await eventually(fourth, 20)


async def test_a_memory_limit_holds_where_the_step_or_the_worker_insists(kinds: Cluster) -> None:
    await kinds.worker("--slots", "1")
    limit = {"memoryMb": "100", "cpu": 1}
    assert "success" in await kinds.scheduler.run(task(kinds, "allocates", resources=limit))
    for isolation in ("fork", "none", "process"):
        spec: dict[str, Any] = {"resources": limit | {"enforce": True}, "isolation": isolation}
        failure = (await kinds.scheduler.run(task(kinds, "allocates", **spec)))["failure"]
        assert failure["code"] == "OUT_OF_MEMORY" and failure["retryable"]
        assert "memory limit of 100 MB" in failure["message"], failure
        assert "@resources(memory=200)" in failure["hint"]
    if sys.platform == "linux":
        spec = {"resources": limit | {"enforce": True}}
        failure = (await kinds.scheduler.run(task(kinds, "children_allocate", **spec)))["failure"]
        assert "step children_allocate was killed by its memory limit of 100 MB (it had 1" in failure["message"]
        assert (await told(kinds, **spec))["cpus"] == 1
    lines = [text for _, text in await kinds.lines("allocates")]
    assert any("memory limit of 100 MB" in text and "Raise it" in text for text in lines), lines
