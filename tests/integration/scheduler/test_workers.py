"""What happens when workers come, go, vanish, wake up again or say something twice; and who is served first."""

import asyncio
import json
from typing import Any

import pytest

from headwater.api.common.v1 import common_pb2
from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.errors import InvalidArgument
from tests.integration.scheduler.conftest import FOREACH, LINEAR, failure, graph, step, success

ONE = graph(step("start", "end"), step("end"))


async def test_the_same_completion_twice_counts_once(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: None)
    run_id = await s.start(ONE)
    (held,) = await eventually(lambda: worker.seen)
    answers = [await worker.complete(held, success("first")) for _ in range(2)]
    assert [a["disposition"] for a in answers] == ["DISPOSITION_ACCEPTED", "DISPOSITION_ALREADY"]
    assert answers[0]["next"]["key"]["step"] == "end"
    assert "next" not in answers[1]
    assert (await worker.complete(held, failure()))["disposition"] == "DISPOSITION_ALREADY"
    assert len(await s.tasks(run_id)) == 2


async def test_a_vanished_workers_task_runs_elsewhere_and_its_late_word_is_void(scheduler, eventually, fast):
    s = await scheduler(**fast)
    silent = await s.worker(lambda a: None, slots=1)
    run_id = await s.start(ONE)
    (old,) = await eventually(lambda: silent.seen)
    await silent.heartbeat()
    await silent.puller.stop()
    live = await s.worker(lambda a: success("new"))
    beating = asyncio.create_task(_beat(live))
    run = await eventually(lambda: s.over(run_id))
    assert run.state == pb.RUN_STATE_SUCCEEDED
    assert [(a["key"]["step"], a["attempt"]) for a in live.seen] == [("start", 2), ("end", 1)]
    assert (await silent.complete(old, success("old")))["disposition"] == "DISPOSITION_STALE"
    (start, _) = await s.tasks(run_id, results=True)
    assert (start.result, start.attempt, start.retry_count) == (b"new", 2, 0)
    beating.cancel()


async def _beat(worker: Any) -> None:
    while True:
        await worker.heartbeat()
        await asyncio.sleep(0.1)


async def test_a_task_that_takes_its_workers_with_it_fails(scheduler, eventually, fast):
    s = await scheduler(**fast)
    run_id = await s.start(ONE)
    for attempt in range(1, 5):
        worker = await s.worker(lambda a: None, slots=1)
        beating = asyncio.create_task(_beat(worker))
        await eventually(lambda w=worker: w.seen)
        assert worker.seen[0]["attempt"] == attempt
        await eventually(lambda w=worker: _worker(s, run_id))
        beating.cancel()
        await worker.puller.stop()
    run = await eventually(lambda: s.over(run_id))
    assert (run.state, run.failure.code) == (pb.RUN_STATE_FAILED, "WORKER_LOST")


async def test_a_closed_session_gives_its_tasks_back_at_once(scheduler, eventually):
    s = await scheduler()
    leaving = await s.worker(lambda a: None, slots=1)
    run_id = await s.start(ONE)
    await eventually(lambda: leaving.seen)
    await leaving.heartbeat()
    await eventually(lambda: _worker(s, run_id))
    await leaving.puller.stop()
    await leaving.request("close_session", {"sessionId": leaving.session})
    staying = await s.worker(lambda a: success())
    await eventually(lambda: s.over(run_id))
    assert staying.seen[0]["attempt"] == 2
    await staying.request("close_session", {"sessionId": staying.session})
    assert (await _worker(s, run_id), (await s.run(run_id)).tasks.succeeded) == ("test", 2)  # told, and kept
    counts = await s.kit.database.fetchval("SELECT task_counts FROM runs WHERE run_id = $1", run_id)
    assert counts == {"4": 2} and (await s.run(run_id)).tasks.succeeded == 2


async def test_a_worker_that_is_known_to_be_dead_loses_its_tasks_at_once(scheduler, eventually):
    """No lease ends here, and each death counts: a task that kills its workers fails."""
    s = await scheduler()
    run_id = await s.start(ONE)
    for _ in range(4):
        dying = await s.worker(lambda a: None, slots=1)
        await eventually(lambda w=dying: w.seen)
        await dying.heartbeat()
        await eventually(lambda: _worker(s, run_id))
        await dying.puller.stop()
        await dying.request("close_session", {"sessionId": dying.session, "lost": True})
    run = await eventually(lambda: s.over(run_id))
    assert (run.state, run.failure.code) == (pb.RUN_STATE_FAILED, "WORKER_LOST")


async def _worker(s: Any, run_id: str) -> str:
    return (await s.tasks(run_id))[0].worker


async def test_what_a_worker_should_hold_but_does_not_is_handed_out_again(scheduler, eventually, fast):
    s = await scheduler(**fast)
    worker = await s.worker(lambda a: None if a["key"]["step"] == "middle" and a["attempt"] == 1 else success())
    run_id = await s.start(LINEAR)
    await eventually(lambda: worker.held)
    worker.held.clear()
    worker._busy = 0
    worker.puller.wake()
    beating = asyncio.create_task(_beat(worker))
    run = await eventually(lambda: s.over(run_id))
    assert run.state == pb.RUN_STATE_SUCCEEDED
    beating.cancel()


async def test_an_unknown_session_is_asked_to_open_a_new_one(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: success())
    await worker.request("close_session", {"sessionId": worker.session})
    heard: list[dict[str, Any]] = []
    subject = f"hw.ctl.v1.default.{worker.session}"

    async def hear(msg: Any) -> None:
        heard.append(json.loads(msg.data))

    await worker.bus.subscribe(subject, hear)
    await worker.heartbeat()
    await eventually(lambda: {"reopen": True} in heard)


async def test_only_one_may_claim_an_attempt(scheduler, eventually):
    s = await scheduler()
    one, two = await s.worker(lambda a: None, slots=1), await s.worker(lambda a: None, slots=1)
    await s.start(ONE)
    await eventually(lambda: one.seen + two.seen)
    held = (one.seen + two.seen)[0]
    body = {"key": held["key"], "attempt": 1}
    first = await one.request("claim_task", body | {"sessionId": one.session})
    second = await two.request("claim_task", body | {"sessionId": two.session})
    again = await one.request("claim_task", body | {"sessionId": one.session})
    stale = await one.request("claim_task", {"key": held["key"], "attempt": 7, "sessionId": one.session})
    assert [first, second, again, stale] == [{"granted": v} for v in (True, False, True, False)]


async def test_a_token_of_a_task_dies_with_its_attempt(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: None)
    run_id = await s.start(ONE)
    await eventually(lambda: worker.seen)
    key = common_pb2.TaskKey(run_id=run_id, step="start")

    async def live(attempt: int) -> bool:
        return (await s.client.CheckAttempt(pb.CheckAttemptRequest(key=key, attempt=attempt))).live

    assert [await live(0), await live(1), await live(2)] == [False, True, False]
    await worker.complete(worker.seen[0], success())
    assert not await live(1)


async def test_priority_first_then_turn_by_turn(scheduler, eventually):
    s = await scheduler()
    wide = [await s.start(FOREACH, request_id=str(i)) for i in range(2)]
    urgent = await s.start(FOREACH, priority=5)
    order: list[str] = []

    def behave(a: dict[str, Any]) -> dict[str, Any]:
        if a["key"]["step"] == "work":
            order.append(a["key"]["runId"])
        return success(foreachWidth=20 if a["key"]["step"] == "start" else 0)

    await s.worker(behave, slots=1)
    for run_id in (*wide, urgent):
        await eventually(lambda r=run_id: s.over(r), timeout=20)
    assert order[:20] == [urgent] * 20
    turns = order[24:56]
    assert abs(turns.count(wide[0]) - turns.count(wide[1])) <= 2, "neither run waits for the other to end"


async def test_no_more_than_max_workers_at_once(scheduler, eventually):
    s = await scheduler()
    running: set[int] = set()
    most: list[int] = []
    both = asyncio.Event()

    async def behave(a: dict[str, Any]) -> dict[str, Any]:
        if a["key"]["step"] == "start":
            return success(foreachWidth=12)
        running.add(id(a))
        most.append(len(running))
        if len(running) == 2:
            both.set()
        await both.wait()
        running.discard(id(a))
        return success()

    await s.worker(behave, slots=8)
    run = await eventually(lambda r=await s.start(FOREACH, max_workers=2): s.over(r), timeout=20)
    assert run.state == pb.RUN_STATE_SUCCEEDED
    assert max(most) == 2


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "missing required field"),
        ({"key": {"runId": "x", "step": "start"}, "attempt": 1, "success": {}}, "there is no run 'x'"),
        ({"attempt": "one"}, "attempt"),
    ],
)
async def test_nonsense_from_a_worker_is_refused(scheduler, body, message):
    s = await scheduler()
    worker = await s.worker(lambda a: success())
    answer = await worker.request("complete_task", body)
    assert message in answer["error"]["message"]


async def test_a_completion_is_checked_field_by_field(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: None)
    await s.start(ONE)
    (held,) = await eventually(lambda: worker.seen)
    for outcome, field in (
        ({}, "success"),
        ({"success": {"result": "%%"}}, "success.result"),
        ({"success": {"result": "AAAA" * 30_000}}, "success.result"),
        ({"success": {}, "sessionId": "me"}, "session_id"),
    ):
        answer = await worker.complete(held, outcome)
        assert answer["error"]["field"] == field
    with pytest.raises(InvalidArgument, match="slots: 0"):
        await s.client.OpenSession(pb.OpenSessionRequest(pool="default", slots=0))


async def test_a_slot_may_be_given_several_branches_and_give_some_back(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: success(foreachWidth=40, next=["work"]) if a["key"]["step"] == "start" else None)
    run_id = await s.start(FOREACH)
    first = (await eventually(lambda: [a for a in worker.seen if a["key"]["step"] == "work"]))[0]
    done = {"key": first["key"], "attempt": 1, "wantNext": True, "wantMore": 3} | success("first")
    wrong = {"key": {"runId": run_id, "step": "nowhere"}, "attempt": 1} | success()
    reply = await worker.request("complete_tasks", {"sessionId": worker.session, "completions": [done, wrong]})
    good, refused = reply["answers"]
    assert refused == {} and good["disposition"] == "DISPOSITION_ACCEPTED"
    given = [good["next"], *good["more"]]
    assert len({a["key"].get("index", 0) for a in given}) == 4 and {a["attempt"] for a in given} == {1}
    begun = {t.key.index: t.HasField("started_at") for t in await s.tasks(run_id, step="work")}
    assert [begun[a["key"]["index"]] for a in given] == [True, False, False, False], "what waits has not started"
    back = [{"key": a["key"], "attempt": 1} for a in given[2:]]
    foreign = await s.worker(lambda a: None, slots=1)
    await foreign.request("complete_tasks", {"sessionId": foreign.session, "unbegun": back})
    assert await _ready(s, run_id) == [], "only who has a task can give it back"
    await worker.request("complete_tasks", {"sessionId": worker.session, "unbegun": back})
    assert await _ready(s, run_id) == [a["key"]["index"] for a in back]


async def _ready(s: Any, run_id: str) -> list[int]:
    return [t.key.index for t in await s.tasks(run_id, step="work") if t.state == pb.TASK_STATE_READY]


async def test_what_one_slot_has_ahead_keeps_no_other_slot_idle(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: success(foreachWidth=80) if a["key"]["step"] == "start" else None, slots=1)
    await s.start(FOREACH)
    await eventually(lambda: len(worker.seen) == 2)
    done = {"key": worker.seen[1]["key"], "attempt": 1, "sessionId": worker.session, "wantNext": True, "wantMore": 5}
    assert len((await worker.request("complete_task", done | success()))["more"]) == 5
    newcomer = await s.worker(lambda a: None, slots=2)
    await eventually(lambda: len(newcomer.seen) == 2)


async def test_tasks_ahead_use_up_no_max_workers(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: success(foreachWidth=80) if a["key"]["step"] == "start" else None, slots=4)
    await s.start(FOREACH, max_workers=2)
    await eventually(lambda: len(worker.seen) == 3)
    done = {"key": worker.seen[1]["key"], "attempt": 1, "sessionId": worker.session, "wantNext": True, "wantMore": 5}
    answer = await worker.request("complete_task", done | success())
    assert answer["next"] and "more" not in answer


async def test_a_max_workers_that_is_all_slots_is_no_limit(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: success(foreachWidth=80) if a["key"]["step"] == "start" else None, slots=2)
    await s.start(FOREACH, max_workers=2)
    await eventually(lambda: len(worker.seen) == 3)
    done = {"key": worker.seen[1]["key"], "attempt": 1, "sessionId": worker.session, "wantNext": True, "wantMore": 5}
    assert len((await worker.request("complete_task", done | success()))["more"]) == 5


async def test_the_tasks_of_a_reply_that_was_lost_run_elsewhere_and_count_once(scheduler, eventually, fast):
    s = await scheduler(**fast)
    deaf = await s.worker(lambda a: success(foreachWidth=60) if a["key"]["step"] == "start" else None, slots=1)
    run_id = await s.start(FOREACH)
    await eventually(lambda: len(deaf.seen) == 2)
    done = {"key": deaf.seen[1]["key"], "attempt": 1, "sessionId": deaf.session, "wantNext": True, "wantMore": 5}
    lost = await deaf.request("complete_task", done | success("first"))
    lost = [lost["next"], *lost["more"]]
    deaf.held.clear()
    await deaf.puller.stop()
    live = await s.worker(lambda a: success("again"))
    beating = [asyncio.create_task(_beat(worker)) for worker in (deaf, live)]
    assert (await eventually(lambda: s.over(run_id))).state == pb.RUN_STATE_SUCCEEDED
    late = [await deaf.complete(each, success("late")) for each in lost]
    assert {answer["disposition"] for answer in late} == {"DISPOSITION_STALE"}
    work = {t.key.index: t for t in await s.tasks(run_id, step="work", results=True)}
    assert len(work) == 60 and {t.result for t in work.values()} == {b"first", b"again"}
    assert {work[each["key"]["index"]].attempt for each in lost} == {2}
    for each in beating:
        each.cancel()
