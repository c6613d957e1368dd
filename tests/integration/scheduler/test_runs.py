"""Runs from their start to their end: the shapes of flows, failures, retries, catches, cancellation, resumption."""

import asyncio
import json
from typing import Any

import pytest

from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound
from tests.integration.scheduler.conftest import FOREACH, LINEAR, failure, graph, results_of, step, success


async def test_a_linear_flow_hands_results_on_and_costs_one_message(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: success(a["key"]["step"]))
    run = await eventually(lambda r=await s.start(): s.over(r))
    assert run.state == pb.RUN_STATE_SUCCEEDED
    assert [a["key"]["step"] for a in worker.seen] == ["start", "middle", "end"]
    assert [results_of(a) for a in worker.seen] == [[], ["start"], ["middle"]]
    assert run.tasks.succeeded == 3
    assert [t.attempt for t in await s.tasks(run.run_id)] == [1, 1, 1]


async def test_branches_join_in_the_order_of_the_graph(scheduler, eventually):
    shape = graph(
        step("start", "b", "a"),
        step("b", "join"),
        step("a", "join"),
        step("join", "end", joins="start"),
        step("end"),
    )
    s = await scheduler()
    worker = await s.worker(lambda a: success(a["key"]["step"]))
    await eventually(lambda r=await s.start(shape): s.over(r))
    (join,) = [a for a in worker.seen if a["key"]["step"] == "join"]
    assert results_of(join) == ["b", "a"]


NESTED = graph(
    step("start", "outer", foreach="xs"),
    step("outer", "inner", foreach="ys"),
    step("inner", "both"),
    step("both", "left", "right"),
    step("left", "meet"),
    step("right", "meet"),
    step("meet", "close", joins="both"),
    step("close", "all", joins="outer"),
    step("all", "end", joins="start"),
    step("end"),
)


@pytest.mark.parametrize("eager", [True, False])
async def test_foreach_in_foreach_with_branches_inside(scheduler, eventually, eager):
    widths = {"start": 3, "outer": 2}
    s = await scheduler()

    def behave(a: dict[str, Any]) -> dict[str, Any]:
        name = a["key"]["step"]
        frames = [(f["step"], f.get("index", 0), f["width"]) for f in a.get("frames", [])]
        return success(json.dumps([name, frames]), foreachWidth=widths.get(name, 0))

    worker = await s.worker(behave, eager=eager)
    run = await eventually(lambda r=await s.start(NESTED): s.over(r))
    assert run.state == pb.RUN_STATE_SUCCEEDED, run.failure
    assert run.tasks.succeeded == 1 + 3 + 5 * 6 + 3 + 1 + 1
    assert len(worker.seen) == run.tasks.succeeded
    ids = [t.task_id for t in await s.tasks(run.run_id, step="meet")]
    assert ids == ["0.0", "0.1", "1.0", "1.1", "2.0", "2.1"]
    closes = [results_of(a) for a in worker.seen if a["key"]["step"] == "close"]
    expected = [[["meet", [["start", i, 3], ["outer", j, 2]]] for j in range(2)] for i in range(3)]
    assert sorted([json.loads(r) for r in rows] for rows in closes) == expected


async def test_a_wide_join_asks_for_its_results_in_order(scheduler, eventually):
    s = await scheduler()

    def behave(a: dict[str, Any]) -> dict[str, Any]:
        return success(str(a["key"].get("index", 0)), foreachWidth=300 if a["key"]["step"] == "start" else 0)

    worker = await s.worker(behave, slots=8)
    run = await eventually(lambda r=await s.start(FOREACH): s.over(r), timeout=30)
    assert run.state == pb.RUN_STATE_SUCCEEDED
    (join,) = [a for a in worker.seen if a["key"]["step"] == "join"]
    assert (join["joinWidth"], join.get("inputs")) == (300, None)
    page = await worker.request("list_task_results", {"key": join["key"], "offset": 290, "limit": 1000})
    assert results_of({"inputs": page["results"]}) == [str(i) for i in range(290, 300)]


async def test_retries_then_success(scheduler, eventually):
    shape = graph(step("start", "end", retry={"times": 2, "delay": "0s"}), step("end"))
    s = await scheduler()
    worker = await s.worker(lambda a: failure() if a["key"]["step"] == "start" and a["attempt"] < 3 else success())
    run = await eventually(lambda r=await s.start(shape): s.over(r))
    assert run.state == pb.RUN_STATE_SUCCEEDED
    assert [(a["key"]["step"], a["attempt"], a["retryCount"]) for a in worker.seen] == [
        ("start", 1, 0),
        ("start", 2, 1),
        ("start", 3, 2),
        ("end", 1, 0),
    ]


async def test_a_failure_ends_the_run_and_stops_its_siblings(scheduler, eventually):
    s = await scheduler()
    stuck = asyncio.Event()

    def behave(a: dict[str, Any]) -> Any:
        if a["key"]["step"] == "start":
            return success(foreachWidth=50)
        if a["key"].get("index", 0) == 0:
            return None
        stuck.set()
        return failure("bad data", retryable=False)

    worker = await s.worker(behave)
    run = await eventually(lambda r=await s.start(FOREACH): s.over(r))
    assert (run.state, run.failure.message) == (pb.RUN_STATE_FAILED, "bad data")
    assert (run.tasks.running, run.tasks.ready, run.tasks.pending) == (0, 0, 0)
    await eventually(lambda: worker.held[0]["key"] in [c["key"] for c in worker.cancelled])
    late = await worker.complete(worker.held[0], success())
    assert late == {"disposition": "DISPOSITION_STALE"}


async def test_catch_after_a_crash_is_an_attempt_of_its_own(scheduler, eventually):
    shape = graph(step("start", "end", catch={"var": "problem"}, retry={"times": 1, "delay": "0s"}), step("end"))
    s = await scheduler()

    def behave(a: dict[str, Any]) -> Any:
        if a["key"]["step"] == "end" or "caught" in a:
            return success()
        return failure("segfault", code="KILLED")

    worker = await s.worker(behave)
    run = await eventually(lambda r=await s.start(shape): s.over(r))
    assert run.state == pb.RUN_STATE_SUCCEEDED
    caught = [a.get("caught", {}).get("message") for a in worker.seen]
    assert caught == [None, None, "segfault", None]


async def test_code_that_goes_on_otherwise_than_the_graph_fails(scheduler, eventually):
    s = await scheduler()
    await s.worker(lambda a: success(next=["end"]))
    run = await eventually(lambda r=await s.start(): s.over(r))
    assert run.failure.message == "step start went on to end; the graph says middle"


async def test_an_empty_foreach_fails_and_says_so(scheduler, eventually):
    s = await scheduler()
    await s.worker(lambda a: success())
    run = await eventually(lambda r=await s.start(FOREACH): s.over(r))
    assert "self.items in step start has no items" in run.failure.message


async def test_cancel_leaves_nothing_running(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: None)
    run_id = await s.start()
    await eventually(lambda: worker.held)
    await worker.heartbeat()
    await eventually(lambda: _worker_of(s, run_id))
    cancelled = (await s.client.CancelRun(pb.CancelRunRequest(run_id=run_id, reason="changed my mind"))).run
    assert (cancelled.state, cancelled.failure.message) == (pb.RUN_STATE_CANCELLED, "changed my mind")
    assert (await s.tasks(run_id))[0].state == pb.TASK_STATE_CANCELLED
    await eventually(lambda: worker.cancelled)
    again = (await s.client.CancelRun(pb.CancelRunRequest(run_id=run_id))).run
    assert again.state == pb.RUN_STATE_CANCELLED


async def _worker_of(s: Any, run_id: str) -> str:
    return (await s.tasks(run_id))[0].worker


async def test_a_run_that_is_over_cannot_be_cancelled(scheduler, eventually):
    s = await scheduler()
    await s.worker(lambda a: success())
    run = await eventually(lambda r=await s.start(): s.over(r))
    with pytest.raises(FailedPrecondition, match="it has succeeded"):
        await s.client.CancelRun(pb.CancelRunRequest(run_id=run.run_id))


async def test_resume_takes_over_what_succeeded(scheduler, eventually):
    s = await scheduler()
    broken = {"on": True}

    def behave(a: dict[str, Any]) -> Any:
        name, index = a["key"]["step"], a["key"].get("index", 0)
        if name == "work" and index == 2 and broken["on"]:
            return failure(retryable=False)
        return success(f"{name}{index}", foreachWidth=4 if name == "start" else 0)

    worker = await s.worker(behave, slots=1)
    first = await eventually(lambda r=await s.start(FOREACH): s.over(r))
    assert first.state == pb.RUN_STATE_FAILED
    broken["on"] = False
    worker.seen.clear()
    resumed = await eventually(lambda r=await s.start(FOREACH, origin_run_id=first.run_id): s.over(r))
    assert resumed.state == pb.RUN_STATE_SUCCEEDED
    ran = [(a["key"]["step"], a["key"].get("index", 0)) for a in worker.seen]
    assert ran == [("work", 2), ("work", 3), ("join", 0), ("end", 0)]
    assert results_of(worker.seen[2]) == ["work0", "work1", "work2", "work3"]
    origins = {t.key.step: t.origin_run_id for t in await s.tasks(resumed.run_id)}
    assert origins["start"] == first.run_id
    worker.seen.clear()
    again = await eventually(
        lambda r=await s.start(FOREACH, origin_run_id=first.run_id, resume_step="start"): s.over(r)
    )
    assert again.tasks.succeeded == 7
    assert len(worker.seen) == 7


async def test_a_repeated_request_starts_one_run(scheduler):
    s = await scheduler()
    ids = {await s.start(request_id="same") for _ in range(3)}
    assert len(ids) == 1
    other = graph(step("start", "end"), step("end"))
    other.flow = "G"
    with pytest.raises(AlreadyExists, match="request_id 'same' started a run of flow F"):
        await s.start(other, request_id="same")


async def test_runs_are_found_by_the_end_of_their_id(scheduler):
    s = await scheduler()
    run_id = await s.start()
    assert (await s.run(run_id[-8:])).run_id == run_id
    assert (await s.run("latest")).run_id == run_id
    for text in ("0f0", "nonsense", "ffffffff", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(NotFound, match=f"no run '{text}'"):
            await s.run(text)


async def test_what_can_never_run_is_refused(scheduler):
    s = await scheduler()
    with pytest.raises(InvalidArgument, match="'middle' goes on to 'nowhere', which does not exist"):
        await s.start(graph(step("start", "middle"), step("middle", "nowhere"), step("end")))
    with pytest.raises(InvalidArgument, match="no step 'nope'"):
        await s.start(origin_run_id="latest", resume_step="nope", request_id="x")
    unknown = pb.Code(package="cd" * 32, entrypoint="flow.py", flow_class="F")
    answer = await s.client.StartRun(pb.StartRunRequest(project="default", graph=LINEAR, code=unknown))
    assert answer.package_missing
    running = await s.start()
    with pytest.raises(FailedPrecondition, match="is still running"):
        await s.start(origin_run_id=running)


async def test_nobody_there_is_said(scheduler):
    s = await scheduler()
    run = await s.run(await s.start(graph(step("start", "end", pool="gpu"), step("end"))))
    assert run.waiting_for == "waiting for a worker in pool gpu"
    assert (await s.tasks(run.run_id))[0].waiting_for == "waiting for a worker in pool gpu"


async def test_lists_are_paged_and_filtered(scheduler, eventually):
    s = await scheduler()
    await s.worker(lambda a: success(foreachWidth=5 if a["key"]["step"] == "start" else 0))
    await eventually(lambda r=await s.start(FOREACH, tags=["x"]): s.over(r))
    ids = [await s.start(tags=[f"t{i}"]) for i in range(3)]
    page = await s.client.ListRuns(pb.ListRunsRequest(project="default", page_size=2))
    assert [r.run_id for r in page.runs] == [ids[2], ids[1]]
    rest = await s.client.ListRuns(pb.ListRunsRequest(project="default", page_size=2, page_token=page.next_page_token))
    assert (len(rest.runs), rest.next_page_token) == (2, "")
    tagged = await s.client.ListRuns(pb.ListRunsRequest(project="default", tag="x"))
    assert [r.tasks.succeeded for r in tagged.runs] == [8]
    request = pb.ListTasksRequest(run_id=tagged.runs[0].run_id, page_size=3)
    seen = []
    while True:
        tasks = await s.client.ListTasks(request)
        seen += [(t.key.step, t.task_id) for t in tasks.tasks]
        if not (token := tasks.next_page_token):
            break
        request.page_token = token
    assert seen == [("start", "0"), *[("work", str(i)) for i in range(5)], ("join", "0"), ("end", "0")]
    assert [t.task_id for t in await s.tasks(tagged.runs[0].run_id, step="work", task_id="3")] == ["3"]
    flows = (await s.client.ListFlows(pb.ListFlowsRequest(project="default"))).flows
    assert [(f.flow, f.runs, f.latest.run_id) for f in flows] == [("F", 4, ids[2])]
