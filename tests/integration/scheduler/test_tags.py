"""Tags of a run change while it runs and after it; nobody overwrites another's change, nor a tag of the system."""

import asyncio
import json
from typing import Any

import pytest

from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit.errors import Aborted, InvalidArgument, NotFound
from headwater_server.scheduler.events import follow_changes
from headwater_server.scheduler.store import Store


async def test_tags_of_a_run_change_and_are_found(scheduler, bus, eventually):
    s = await scheduler()
    told: list[dict[str, Any]] = []

    async def keep(msg: Any) -> None:
        told.append(json.loads(msg.data))

    await (await bus.connect("infra")).subscribe("hw.evt.v1.default.run.tags_changed.>", keep)
    run_id = await s.start(tags=["nightly", "old"])
    change = pb.UpdateRunTagsRequest(run_id=run_id, remove=["old", "never"], add=["new", "nightly"])
    run = (await s.client.UpdateRunTags(change)).run
    assert (list(run.tags), run.tags_version) == (["nightly", "new"], 2)
    again = (await s.client.UpdateRunTags(pb.UpdateRunTagsRequest(run_id=run_id, add=["new"]))).run
    assert again.tags_version == 2
    user = next(tag for tag in run.system_tags if tag.startswith("user:"))
    day = next(tag for tag in run.system_tags if tag.startswith("date:"))

    async def found(*tags):
        request = pb.ListRunsRequest(project="default", tags=tags)
        return [r.run_id for r in (await s.client.ListRuns(request)).runs]

    assert await found("new", user, day) == [run_id]
    assert await found("new", "old") == await found("user:nobody") == []
    await s.client.CancelRun(pb.CancelRunRequest(run_id=run_id))
    over = (await s.client.UpdateRunTags(pb.UpdateRunTagsRequest(run_id=run_id, add=["kept"]))).run
    assert "kept" in over.tags
    await eventually(lambda: len(told) == 2)
    assert (told[0]["added"], told[0]["removed"], told[0]["tagsVersion"]) == (["new"], ["old"], 2)


async def test_changes_of_several_at_once_all_count(scheduler):
    s = await scheduler()
    run_id = await s.start()
    names = [f"t{i}" for i in range(10)]
    await asyncio.gather(*(s.client.UpdateRunTags(pb.UpdateRunTagsRequest(run_id=run_id, add=[n])) for n in names))
    run = await s.run(run_id)
    assert sorted(run.tags) == names and run.tags_version == 11
    stale = pb.UpdateRunTagsRequest(run_id=run_id, add=["x"], if_version=10)
    with pytest.raises(Aborted, match="have version 11 by now, not 10"):
        await s.client.UpdateRunTags(stale)
    stale.if_version = 11
    assert "x" in (await s.client.UpdateRunTags(stale)).run.tags


async def test_another_replica_forgets_what_it_knew(scheduler, service_kit, eventually):
    s = await scheduler()
    run_id = await s.start(tags=["old"])
    other = await service_kit("scheduler", compose=False, database_url=s.kit.settings.database_url)
    store = Store(other.database)
    await follow_changes(other, store)
    assert (await store.info(run_id)).tags == ["old"]
    await s.client.UpdateRunTags(pb.UpdateRunTagsRequest(run_id=run_id, remove=["old"], add=["new"]))

    async def tags() -> bool:
        return (await store.info(run_id)).tags == ["new"]

    await eventually(tags)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "add"),
        ({"add": [""]}, "add"),
        ({"add": ["x" * 501]}, "add"),
        ({"add": [f"t{i}" for i in range(101)]}, "add"),
        ({"remove": ["a\0b"]}, "remove"),
    ],
)
async def test_what_is_no_change_of_tags(scheduler, change, field):
    s = await scheduler()
    run_id = await s.start()
    with pytest.raises(InvalidArgument) as refused:
        await s.client.UpdateRunTags(pb.UpdateRunTagsRequest(run_id=run_id, **change))
    assert refused.value.field == field
    [user, *_] = (await s.run(run_id)).system_tags
    with pytest.raises(InvalidArgument, match="is a system tag"):
        await s.client.UpdateRunTags(pb.UpdateRunTagsRequest(run_id=run_id, remove=[user]))
    added = (await s.client.UpdateRunTags(pb.UpdateRunTagsRequest(run_id=run_id, add=[user]))).run
    assert list(added.tags) == []


async def test_a_run_of_another_project_is_not_there(scheduler):
    s = await scheduler()
    run_id = await s.start()
    with pytest.raises(NotFound):
        await s.client.GetRun(pb.GetRunRequest(run_id=run_id, project="other"))
    assert (await s.client.GetRun(pb.GetRunRequest(run_id=run_id))).run.run_id == run_id
