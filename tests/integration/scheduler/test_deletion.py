"""Runs are deleted when asked and when their project does not keep them; never one that is needed."""

import asyncio
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration

from headwater.api.events.v1 import events_pb2
from headwater.api.scheduler.v1 import retention_pb2 as rp
from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.bus import StreamMessage
from headwater_server.kit.envelope import Envelope, encode
from headwater_server.kit.errors import FailedPrecondition, InvalidArgument, NotFound
from tests.integration.scheduler.conftest import FOREACH, failure, success


def delete(s: Any, run_id: str, **more: Any) -> Any:
    return s.client.DeleteRun(rp.DeleteRunRequest(run_id=run_id, **more))


async def retain(s: Any, nanos: int, keep_last: int = 0) -> Any:
    request = rp.SetRetentionRequest(project="default", keep_runs_for=Duration(nanos=nanos), keep_last=keep_last)
    return (await s.client.SetRetention(request)).retention


async def gone(s: Any, run_id: str) -> bool:
    try:
        return not await s.run(run_id)
    except NotFound as error:
        return error.reason == "RUN_NOT_FOUND"


async def count(s: Any, table: str, run_id: str) -> int:
    return await s.kit.database.fetchval(f"SELECT count(*) FROM {table} WHERE run_id = $1", run_id)


async def test_a_deleted_run_leaves_nothing_but_the_fact(scheduler, eventually, bus):
    s = await scheduler()
    follower = await bus.connect("gateway")
    facts: list[Envelope] = []

    async def hear(msg: Any) -> None:
        facts.append(Envelope.decode(msg.subject, msg.headers, msg.data))

    await follower.subscribe("hw.evt.v1.*.run.deleted.>", hear)
    fail_end = True

    def behave(a: dict[str, Any]) -> dict[str, Any]:
        if a["key"]["step"] == "end" and fail_end:
            return failure("boom", retryable=False)
        return success(foreachWidth=3 if a["key"]["step"] == "start" else 0)

    await s.worker(behave)
    first = await eventually(lambda r=await s.start(FOREACH, request_id="one"): s.over(r))
    fail_end = False
    heir = await eventually(lambda r=await s.start(FOREACH, origin_run_id=first.run_id): s.over(r))
    assert heir.state == pb.RUN_STATE_SUCCEEDED

    answer = await delete(s, first.run_id, reason="made a mess")
    assert (answer.run_id, answer.flow) == (first.run_id, "F")
    assert await gone(s, first.run_id)
    for table in ("runs", "tasks", "splits", "arrivals"):
        assert await count(s, table, first.run_id) == 0, table
    await eventually(lambda: facts)
    assert {k: facts[0].data[k] for k in ("runId", "reason", "heirs")} == {
        "runId": first.run_id, "reason": "made a mess", "heirs": [heir.run_id],
    }  # fmt: skip
    assert await delete(s, first.run_id) == answer  # repeated after a lost answer
    assert (await s.run(heir.run_id)).origin_run_id == first.run_id
    with pytest.raises(NotFound):
        await s.start(FOREACH, origin_run_id=first.run_id)
    with pytest.raises(NotFound):
        await delete(s, "01890a5d-ac96-774b-bcce-b302099a8057")
    assert len(facts) == 1


async def test_a_running_run_is_not_deleted(scheduler, eventually):
    s = await scheduler()
    worker = await s.worker(lambda a: None)
    run_id = await s.start()
    await eventually(lambda: worker.held)
    with pytest.raises(FailedPrecondition) as caught:
        await delete(s, run_id)
    assert caught.value.reason == "RUN_NOT_OVER" and "cancel" in caught.value.hint
    await s.client.CancelRun(pb.CancelRunRequest(run_id=run_id))
    await delete(s, run_id)
    with pytest.raises(InvalidArgument, match="reason"):
        await delete(s, run_id, reason="x" * 2000)


async def test_retention_deletes_what_is_old_and_keeps_what_is_needed(scheduler, eventually, bus):
    s = await scheduler()
    await s.worker(lambda a: success())
    runs = [(await eventually(lambda r=await s.start(): s.over(r))).run_id for _ in range(5)]
    made, tagged, last = runs[0], runs[1], runs[4]
    await s.client.UpdateRunTags(pb.UpdateRunTagsRequest(run_id=tagged, add=["headwater:keep"]))
    version = encode(events_pb2.ModelVersionCreated(project="default", name="m", version=1, run_id=made))
    registry = await bus.connect("registry")
    await registry.publish_atomic([StreamMessage(version.subject, version.body, version.id, version.headers)])
    await eventually(lambda: count(s, "made_versions", made))

    assert not (await s.client.GetRetention(rp.GetRetentionRequest(project="default"))).HasField("retention")
    rule = await retain(s, 1000, keep_last=1)
    assert (rule.keep_last, rule.due, rule.set_by.kind) == (1, 2, "service")
    await asyncio.gather(*(sweeper(s) for _ in range(2)))  # as two replicas do
    assert [await gone(s, run) for run in runs] == [False, False, True, True, False]
    await s.client.DeleteRetention(rp.DeleteRetentionRequest(project="default"))
    await sweeper(s)
    assert not await gone(s, last)
    for nanos, keep_last, field in ((0, 0, "keep_runs_for"), (1000, -1, "keep_last")):
        with pytest.raises(InvalidArgument) as caught:
            await retain(s, nanos, keep_last)
        assert caught.value.field == field


async def sweeper(s: Any) -> None:
    from headwater_server.scheduler.deletion import Deletion
    from headwater_server.scheduler.retention import Retention
    from headwater_server.scheduler.store import Store

    store = Store(s.kit.database)
    await Retention(store, Deletion(s.kit.outbox, store)).sweep()
