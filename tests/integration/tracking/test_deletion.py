"""A deleted run leaves tracking with all that it logged, and what comes late for it brings nothing back."""

from typing import Any

import pytest

from headwater.api.events.v1 import events_pb2
from headwater.api.tracking.v1 import upkeep_pb2 as up
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import NotFound
from headwater_server.kit.ids import uuid7
from tests.integration.tracking.conftest import Tracking

TABLES = ("runs", "points", "latest_metrics", "params", "tags", "batches")
POINT = {"metrics": [{"key": "loss", "value": 0.5}], "params": {"lr": "1"}}


async def rows(tracking: Tracking) -> dict[str, int]:
    return {table: await tracking.database.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}


async def logs(tracking: Tracking, run_id: str, task: str = "") -> None:
    await tracking.logs(run_id, batchId=uuid7(), task=task, **POINT)


async def test_a_deleted_run_does_not_come_back(tracking: Tracking, eventually: Any) -> None:
    gone, kept = await tracking.starts(), await tracking.starts()
    for run_id in (gone, kept):
        await logs(tracking, run_id)
        await logs(tracking, run_id, "train/3")  # a nested run
    await eventually(lambda: _has(tracking, "points", 4))
    before = await rows(tracking)
    about = {"run_id": gone, "project": "default", "flow": "Train"}
    await tracking.happens(events_pb2.RunDeleted(**about, at=timestamp()))
    await eventually(lambda: _has(tracking, "runs", 2))
    assert await rows(tracking) == {table: count // 2 for table, count in before.items()}

    for late in (events_pb2.RunStarted, events_pb2.RunSucceeded, events_pb2.RunDeleted):
        await tracking.happens(late(**about, at=timestamp()))
    await logs(tracking, gone)
    await eventually(lambda: tracking.dead)
    assert gone in tracking.dead[0].reason and len(tracking.dead) == 1
    with pytest.raises(NotFound):
        await tracking.run(gone)
    assert (await tracking.run(kept)).metrics


async def test_an_emptied_project_is_as_new(tracking: Tracking, eventually: Any) -> None:
    run_id, unheard = await tracking.starts(), uuid7()
    await logs(tracking, run_id)
    await tracking.new_run("by hand")
    await eventually(lambda: _has(tracking, "points", 1))
    request = up.EmptyProjectRequest(project="default", run_ids=[run_id, unheard])
    answer = await tracking.client.EmptyProject(request)
    assert answer.removed == {"tracked runs": 2, "experiments": 1}
    assert set((await rows(tracking)).values()) == {0}
    for late in (events_pb2.RunStarted, events_pb2.RunCancelled):
        await tracking.happens(late(run_id=unheard, project="default", flow="Train", at=timestamp()))
    await logs(tracking, unheard)
    await eventually(lambda: tracking.dead)
    assert set((await rows(tracking)).values()) == {0}
    assert await tracking.database.fetchval("SELECT count(*) FROM experiments WHERE name <> 'Default'") == 0
    assert await tracking.new_run("again")
    assert list((await tracking.client.ListProjects(up.ListProjectsRequest())).projects) == ["default"]


async def _has(tracking: Tracking, table: str, count: int) -> bool:
    return (await rows(tracking))[table] == count
