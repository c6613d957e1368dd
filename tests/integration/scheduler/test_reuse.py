"""Results taken over from earlier runs: windows of a wide foreach, changed parameters, cached runs, what is refused."""

import json
from typing import Any

import pytest

from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.errors import InvalidArgument
from tests.integration.scheduler.conftest import FOREACH, failure, graph, results_of, step, success

CHAIN = graph(
    step("start", "load", code="1"), step("load", "fit", code="2"), step("fit", "end", code="3"), step("end", code="4")
)
WIDTH = 300
NESTED = graph(
    step("start", "outer", foreach="rows"),
    step("outer", "inner", foreach="cells"),
    step("inner", "close"),
    step("close", "join", joins="outer"),
    step("join", "end", joins="start"),
    step("end"),
)


def _ran(worker: Any) -> list[str]:
    return [f"{a['key']['step']}/{a['key'].get('path', '')}/{a['key'].get('index', 0)}" for a in worker.seen]


async def test_a_wide_foreach_is_taken_over_window_by_window(scheduler, eventually):
    s, broken = await scheduler(), {"on": True}

    def behave(a: dict[str, Any]) -> Any:
        name, index = a["key"]["step"], a["key"].get("index", 0)
        if name == "join" and broken["on"]:
            return failure(retryable=False)
        return success(f"{name}{index}", foreachWidth=WIDTH if name == "start" else 0)

    worker = await s.worker(behave, slots=16)
    first = await eventually(lambda r=await s.start(FOREACH): s.over(r))
    assert first.state == pb.RUN_STATE_FAILED
    broken["on"] = False
    worker.seen.clear()
    again = await eventually(lambda r=await s.start(FOREACH, origin_run_id=first.run_id): s.over(r))
    assert (again.state, again.tasks.succeeded) == (pb.RUN_STATE_SUCCEEDED, WIDTH + 3)
    assert _ran(worker) == ["join//0", "end//0"]
    taken = {t.task_id: t.origin_run_id for t in await s.tasks(again.run_id, step="work")}
    assert taken == {str(index): first.run_id for index in range(WIDTH)}


async def test_a_nested_foreach_goes_on_where_it_broke_off(scheduler, eventually):
    s, broken = await scheduler(), {"on": True}

    def behave(a: dict[str, Any]) -> Any:
        key = a["key"]
        if key["step"] == "inner" and (key.get("path", ""), key.get("index", 0)) == ("1", 2) and broken["on"]:
            return failure(retryable=False)
        width = {"start": 3, "outer": 4}.get(key["step"], 0)
        return success(f"{key['step']}{key.get('path', '')}.{key.get('index', 0)}", foreachWidth=width)

    worker = await s.worker(behave, slots=1)
    first = await eventually(lambda r=await s.start(NESTED): s.over(r))
    broken["on"] = False
    done = {name for name in _ran(worker) if name not in ("inner/1/2",)}
    worker.seen.clear()
    again = await eventually(lambda r=await s.start(NESTED, origin_run_id=first.run_id): s.over(r))
    assert (again.state, again.tasks.succeeded) == (pb.RUN_STATE_SUCCEEDED, 1 + 3 + 12 + 3 + 1 + 1)
    assert not done & set(_ran(worker))
    assert {"inner/1/2", "close//1", "join//0", "end//0"} <= set(_ran(worker))


def _manifest(name: str, **reads: Any) -> str:
    entry = {"type": "int", "encoding": "pickle5", "size": 1, "digest": name * 64, "inline": ""}
    return json.dumps({"v": 1, "artifacts": {name: entry}, "new": [name], "reads": {"artifacts": {}} | reads})


async def test_only_what_has_read_a_changed_parameter_runs_again(scheduler, eventually):
    s = await scheduler()
    reads = {"start": [], "load": [], "fit": ["alpha"], "end": []}
    worker = await s.worker(lambda a: success(_manifest("a", parameters=reads[a["key"]["step"]])), slots=1)
    first = await eventually(lambda r=await s.start(CHAIN, parameters={"alpha": 1, "beta": "x"}): s.over(r))
    worker.seen.clear()

    async def resumed(**more: Any) -> list[str]:
        worker.seen.clear()
        run_id = await s.start(CHAIN, origin_run_id=first.run_id, **more)
        assert (await eventually(lambda: s.over(run_id))).state == pb.RUN_STATE_SUCCEEDED
        return _ran(worker)

    assert await resumed(parameters={"alpha": 2, "beta": "x"}) == ["fit//0", "end//0"]
    assert await resumed(parameters={"alpha": 1, "beta": "y"}) == ["end//0"]
    # A file whose path is the same: the client says that it was given.
    assert await resumed(parameters={"alpha": 1, "beta": "x"}, changed_parameters=["alpha"]) == ["fit//0", "end//0"]
    reads["load"] = []
    assert await resumed(parameters={"alpha": 2, "beta": "x"}, resume_step="load") == ["load//0", "fit//0", "end//0"]
    with pytest.raises(InvalidArgument, match="changed_parameters: 'gamma' is no parameter"):
        await resumed(parameters={"alpha": 1}, changed_parameters=["gamma"])
    with pytest.raises(InvalidArgument, match="cached and origin_run_id"):
        await resumed(cached=True)


async def test_a_cached_run_takes_what_any_run_has_made(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: success(_manifest("a", parameters=["alpha"], env="here")), slots=1)
    plain = await eventually(lambda r=await s.start(CHAIN, parameters={"alpha": 1}): s.over(r))

    async def cached(shape: Any = CHAIN, alpha: Any = 1, environment: str = "here") -> tuple[list[str], pb.Run]:
        worker.seen.clear()
        code = pb.Code(package="ab" * 32, entrypoint="flow.py", flow_class="F", environment=environment)
        request = pb.StartRunRequest(project="default", graph=shape, code=code, cached=True)
        request.parameters.update({"alpha": alpha})
        run_id = (await s.client.StartRun(request)).run.run_id
        run = await eventually(lambda: s.over(run_id))
        assert run.state == pb.RUN_STATE_SUCCEEDED and run.cached
        return _ran(worker), run

    ran, run = await cached()
    assert ran == []
    assert {t.origin_run_id for t in await s.tasks(run.run_id)} == {plain.run_id}
    assert len((await cached(environment="elsewhere"))[0]) == 4
    assert len((await cached(environment=""))[0]) == 4
    assert (await cached(alpha=True))[0][0] == "start//0"
    # `fit` was edited: it runs again. What follows has other code around it, but reads nothing of it.
    edited = pb.StartRunRequest(graph=CHAIN).graph
    edited.steps[2].code = "5"
    assert (await cached(edited))[0] == ["fit//0"]
    edited.steps[1].no_cache = True
    assert (await cached(edited))[0] == ["load//0"]
    # Whatever a worker in another language has left behind.
    worker.behave = lambda a: success('{"v": 1, "reads": {"parameters": 5, "env": "here"}, "artifacts": []}')
    other = graph(step("start", "end", code="7"), step("end", code="8"))
    assert len((await cached(other))[0]) == len((await cached(other))[0]) == 2


async def test_a_run_that_starts_paused_only_takes_over(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: failure(retryable=False) if a["key"]["step"] == "fit" else success("x"), slots=1)
    first = await eventually(lambda r=await s.start(CHAIN): s.over(r))
    worker.seen.clear()
    run_id = await s.start(CHAIN, origin_run_id=first.run_id, paused=True)
    assert await eventually(lambda: _taken(s, run_id, 2))
    run = await s.run(run_id)
    assert (run.state, worker.seen) == (pb.RUN_STATE_RUNNING, [])
    assert run.waiting_for.startswith("paused")
    worker.behave = lambda a: success("y")
    await s.client.ResumeRun(pb.ResumeRunRequest(run_id=run_id))
    assert (await eventually(lambda: s.over(run_id))).state == pb.RUN_STATE_SUCCEEDED
    assert _ran(worker) == ["fit//0", "end//0"]
    assert results_of(worker.seen[0]) == ["x"]


async def _taken(s: Any, run_id: str, count: int) -> bool:
    return sum(bool(t.origin_run_id) for t in await s.tasks(run_id)) == count
