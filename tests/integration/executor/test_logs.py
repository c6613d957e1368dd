"""Logs of runs on a real bus, S3 server and Postgres: live, archived, late, and never lost in between."""

import json
import uuid
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from headwater.api.events.v1 import events_pb2
from headwater.api.executor.v1 import executor_pb2 as pb
from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.executor.archiver import Archiver
from headwater_server.executor.chunks import Wanted
from headwater_server.executor.log_stream import LogStream
from headwater_server.executor.logs import Logs
from headwater_server.executor.retention import Retention
from headwater_server.executor.store import Due, Store
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.envelope import encode
from headwater_server.kit.errors import DataLoss, InvalidArgument, NotFound, Unavailable
from headwater_server.kit.ids import uuid7
from headwater_server.kit.objects import ObjectStore
from tests.integration.standin import Servicer, stand_in

RUN = "01890a5d-ac96-774b-bcce-b302099a8057"


class Scheduler(Servicer):
    async def get_run(self, request, call):
        call.require("default")
        run = {"latest": RUN}.get(request.run_id, request.run_id)
        if not run.startswith("01890a5d"):
            raise NotFound(f"run_id: no run {run}", field="run_id")
        return scheduler_pb2.GetRunResponse(run=scheduler_pb2.Run(run_id=run, project="default"))


@pytest_asyncio.fixture
async def start(serve):
    @asynccontextmanager
    async def do(**settings):
        async with stand_in("scheduler", Scheduler()) as address:
            client = await serve("executor", scheduler_address=address, **settings)
            yield client("executor")

    return do


@pytest_asyncio.fixture
async def write(bus):
    worker = await bus.connect("worker-default")

    async def do(step, task, *texts, stream="STDOUT", run=RUN, raw=None):
        lines = [{"stream": f"LOG_STREAM_{stream}", "text": t, "time": "2026-01-01T00:00:00Z"} for t in texts]
        body = {"key": {"runId": run, "step": step}, "taskId": task, "attempt": 1, "lines": lines}
        subject = f"hw.logs.v1.default.{run}.{step}-{task.replace('.', '_')}"
        await worker.publish_stream(subject, raw or json.dumps(body).encode(), msg_id=uuid7())

    return do


@pytest_asyncio.fixture
async def end(bus):
    scheduler = await bus.connect("scheduler")

    async def do(kind=events_pb2.RunSucceeded, run=RUN):
        message = encode(kind(run_id=run, project="default", flow="F"))
        await scheduler.publish_stream(message.subject, message.body, msg_id=message.id, headers=message.headers)

    return do


@pytest_asyncio.fixture
async def purge(bus):
    infra = await bus.connect("infra")

    async def do():
        await infra.request("$JS.API.STREAM.PURGE.HW_LOGS", b"")

    return do


async def lines(client, size=0, **question):
    """(step/task, text) of every line, page by page."""
    found, token = [], ""
    while True:
        request = pb.ListLogsRequest(**{"run_id": RUN} | question, page_size=size, page_token=token)
        page = await client.ListLogs(request)
        found += [(f"{c.key.step}/{c.task_id}", line.text) for c in page.chunks for line in c.lines]
        token = page.next_page_token
        if not token:
            return found


def archived(service_kit, parts):
    async def check():
        return await service_kit.kits[-1].database.fetchval("SELECT count(*) FROM parts") == parts

    return check


WROTE = [("start/0", "s1"), ("body/0", "a1"), ("body/1", "b1"), ("body/0", "a2"), ("body/0", "oops"), ("end/0", "e1")]


async def write_all(write):
    for (place, text), stream in zip(WROTE, ["STDOUT"] * 4 + ["STDERR", "SYSTEM"], strict=True):
        await write(*place.split("/"), text, stream=stream)


@pytest.mark.parametrize("over", [False, True], ids=["live", "archived"])
@pytest.mark.parametrize("size", [0, 1])
async def test_lines_come_oldest_first_and_are_filtered(start, write, end, purge, service_kit, eventually, over, size):
    async with start(archive_after=0.02) as client:
        await write_all(write)
        expected = WROTE
        if over:
            await end()
            await eventually(archived(service_kit, 1))
            await purge()
            expected = [("start/0", "s1"), *(w for w in WROTE if w[0] == "body/0"), ("body/1", "b1"), ("end/0", "e1")]
        assert await lines(client, size) == expected
        assert await lines(client, size, run_id="latest", step="body", task_id="0") == [
            ("body/0", "a1"), ("body/0", "a2"), ("body/0", "oops"),
        ]  # fmt: skip
        assert await lines(client, size, step="end") == [("end/0", "e1")]
        assert await lines(client, size, stream="stderr") == [("body/0", "oops")]
        assert await lines(client, size, step="nope") == []


async def test_late_lines_are_seen_at_once_and_archived_later(start, write, end, purge, service_kit, eventually):
    async with start(archive_after=0.02) as client:
        await write("a", "0", "in time")
        await end(events_pb2.RunFailed)
        await eventually(archived(service_kit, 1))
        first = await client.ListLogs(pb.ListLogsRequest(run_id=RUN, page_size=1))
        await write("a", "0", "late")
        assert await lines(client) == [("a/0", "in time"), ("a/0", "late")]
        await eventually(archived(service_kit, 2))
        await purge()
        assert await lines(client, 1) == [("a/0", "in time"), ("a/0", "late")]
        rest = await client.ListLogs(pb.ListLogsRequest(run_id=RUN, page_token=first.next_page_token))
        assert [line.text for chunk in rest.chunks for line in chunk.lines] == ["late"]


async def test_a_page_token_outlives_the_archiving(start, write, end, service_kit, eventually):
    async with start(archive_after=0.02) as client:
        await write_all(write)
        first = await client.ListLogs(pb.ListLogsRequest(run_id=RUN, page_size=3))
        await end(events_pb2.RunCancelled)
        await eventually(archived(service_kit, 1))
        rest = await client.ListLogs(pb.ListLogsRequest(run_id=RUN, page_token=first.next_page_token))
        texts = [line.text for page in (first, rest) for chunk in page.chunks for line in chunk.lines]
        assert texts == [text for _, text in WROTE]


async def test_a_run_without_logs_leaves_nothing(start, end, service_kit, eventually):
    async with start(archive_after=1e-6) as client:  # all looks within half a second
        await end()
        database = service_kit.kits[-1].database
        await eventually(lambda: database.fetchval("SELECT count(*) = 1 FROM inbox"))
        await eventually(lambda: database.fetchval("SELECT count(*) = 0 FROM archives"))
        assert await database.fetchval("SELECT count(*) FROM parts") == 0
        assert await lines(client) == []


async def test_what_is_no_chunk_harms_nobody(start, write, end, purge, service_kit, eventually):
    async with start(archive_after=0.02) as client:
        await write("a", "0", raw=b"not json")
        await write("a", "0", "good")
        assert await lines(client) == [("a/0", "good")]
        await end()
        await eventually(archived(service_kit, 1))
        await purge()
        assert await lines(client) == [("a/0", "good")]


@pytest_asyncio.fixture
async def parts(service_kit):
    """An archiver that is not running, and what it works on."""
    kit = await service_kit("executor", compose=False)
    store, objects = Store(kit.database), ObjectStore.of(kit.settings)
    await store.look_soon([(uuid.UUID(RUN), "default")])
    yield store, objects, Archiver(store, LogStream(kit.bus), objects, 1.0)
    await objects.http.close()


async def test_two_archivers_of_the_same_run_store_it_once(parts, write):
    store, objects, archiver = parts
    await write("a", "0", "x")
    due = await store.claim_due(60)
    assert await store.claim_due(60) is None  # leased
    deleted = []
    objects.delete = _noting(objects.delete, deleted)
    await archiver.look(due)
    await archiver.look(due)  # the other one, whose lease had lapsed
    (part,) = await store.parts(due.run_id)
    assert len(deleted) == 1 and deleted != [part.object] and await objects.head(part.object)


async def test_a_crash_between_object_and_row_repeats_the_archiving(parts, write):
    store, _, archiver = parts
    await write("a", "0", "x")
    add_part, store.add_part = store.add_part, _failing
    with pytest.raises(Unavailable):
        await archiver.look(await store.claim_due(0))
    store.add_part = add_part
    await archiver.look(await store.claim_due(0))
    assert [p.part for p in await store.parts(uuid.UUID(RUN))] == [0]
    assert await store.claim_due(0) is None  # the next look is later


def _noting(method, notes):
    async def call(key):
        notes.append(key)
        await method(key)

    return call


async def _failing(*args):
    raise Unavailable("the process died here")


async def test_the_archive_of_many_tasks_is_read_by_the_block(parts, write):
    store, objects, archiver = parts
    for number in range(300):
        await write("body", str(number), f"line of {number} " + "x" * 2000)
    await archiver.look(Due(uuid.UUID(RUN), "default", 0, 0, 0))

    read = []
    get = objects.get

    async def noting(key, **where):
        read.append(where["size"])
        return await get(key, **where)

    objects.get = noting
    logs = Logs(store, archiver._stream, objects)
    chunks, after = await logs.page("default", uuid.UUID(RUN), Wanted("body", "123"), None, 100)
    assert [c.task_id for c in chunks] == ["123"] and after is None and len(read) == 1


async def test_the_logs_of_a_running_run_are_archived_before_the_stream_drops_them(parts, write, bus, monkeypatch):
    store, _, archiver = parts
    await store.looked_last(await store.claim_due(60))
    await write("a", "0", "early")
    retention = Retention(await bus.connect("executor"), store, archiver)
    await retention.look()
    assert await store.claim_due(60) is None  # there is room
    monkeypatch.setattr("headwater_server.executor.retention.FULL", 1e-9)
    for part, text in enumerate(("early", "later")):
        await retention.look()
        due = await store.claim_due(60)
        assert (str(due.run_id), due.project, due.parts) == (RUN, "default", part), text
        await archiver.look(due)
        await write("a", "0", "later")
    assert [p.part for p in await store.parts(uuid.UUID(RUN))] == [0, 1]


async def test_the_object_is_gone(parts, write):

    store, objects, archiver = parts
    await write("a", "0", "x")
    await archiver.look(Due(uuid.UUID(RUN), "default", 0, 0, 0))
    (part,) = await store.parts(uuid.UUID(RUN))
    await objects.delete(part.object)
    with pytest.raises(DataLoss, match="gone from the bucket"):
        await Logs(store, archiver._stream, objects).page("default", uuid.UUID(RUN), Wanted(), None, 100)


async def test_bad_requests_and_other_peoples_runs(start):
    async with start() as client:
        for question, field in (
            ({"run_id": ""}, "run_id"),
            ({"run_id": RUN, "stream": "out"}, "stream"),
            ({"run_id": RUN, "page_size": -1}, "page_size"),
            ({"run_id": RUN, "page_token": "%%%"}, "page_token"),
        ):
            with pytest.raises(InvalidArgument) as caught:
                await client.ListLogs(pb.ListLogsRequest(**question))
            assert caught.value.field == field
        with pytest.raises(NotFound, match="no run 0000"):
            await client.ListLogs(pb.ListLogsRequest(run_id="0000"))
        stranger = Identity(Actor("user", "eve"), "viewer", "elsewhere")
        with pytest.raises(NotFound):
            await client.ListLogs(pb.ListLogsRequest(run_id=RUN), on_behalf=stranger)
