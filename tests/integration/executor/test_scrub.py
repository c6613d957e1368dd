"""Lines that are deleted are gone from the stream and from the archive, and no others are."""

import json

import pytest

from headwater.api.events.v1 import events_pb2
from headwater.api.executor.v1 import executor_pb2 as pb
from headwater_server.executor.scrub import Scrubber
from headwater_server.kit.clock import timestamp
from headwater_server.kit.envelope import encode
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.objects import ObjectStore
from tests.integration.executor.test_logs import (  # noqa: F401  (fixtures)
    RUN,
    WROTE,
    archived,
    end,
    lines,
    purge,
    start,
    write,
    write_all,
)


async def delete(client, **question):
    return (await client.DeleteLogs(pb.DeleteLogsRequest(run_id=RUN, **question))).lines


@pytest.mark.parametrize("over", [False, True], ids=["live", "archived"])
async def test_lines_are_gone_for_good(start, write, end, service_kit, eventually, bus, over):  # noqa: F811
    async with start(archive_after=0.02) as client:
        await write_all(write)
        if over:
            await end()
            await eventually(archived(service_kit, 1))
        assert await delete(client, step="body", task_id="0", stream="stdout") == 2
        left = [w for w in WROTE if w not in (("body/0", "a1"), ("body/0", "a2"))]
        assert sorted(await lines(client)) == sorted(left)
        assert await delete(client, step="body", task_id="0", stream="stdout") == 0
        infra = await bus.connect("infra")
        info = json.loads((await infra.request("$JS.API.STREAM.INFO.HW_LOGS", b"")).data)
        assert info["state"]["messages"] == 0
        kit = service_kit.kits[-1]
        [row] = await kit.database.fetch("SELECT object FROM parts")
        data = await ObjectStore.of(kit.settings).get(row["object"])
        assert data and await kit.database.fetchval("SELECT count(*) FROM removed_objects") == 0
        await write("body", "0", "later")
        assert await lines(client, step="body", task_id="0", stream="stdout") == [("body/0", "later")]
        assert await delete(client, attempt=2) == 0
        assert await delete(client, attempt=1) == len(left) + 1
        assert await lines(client) == []


async def test_an_object_that_a_dead_process_left_is_removed(start, write, end, service_kit, eventually):  # noqa: F811
    async with start(archive_after=0.02):
        kit = service_kit.kits[-1]
        objects = ObjectStore.of(kit.settings)
        await objects.put("runs/old", b"secret")
        await kit.database.execute("INSERT INTO removed_objects (object) VALUES ('runs/old')")
        from headwater_server.executor.store import Store

        await Scrubber(kit.bus, Store(kit.database), None, objects).sweep()  # pyright: ignore[reportArgumentType]
        assert await objects.head("runs/old") is None
        await objects.http.close()


async def test_logs_of_a_deleted_run_are_gone(start, write, end, service_kit, eventually, bus):  # noqa: F811
    async with start(archive_after=0.02):
        await write_all(write)
        await end()
        await eventually(archived(service_kit, 1))
        kit = service_kit.kits[-1]
        objects = ObjectStore.of(kit.settings)
        [row] = await kit.database.fetch("SELECT object FROM parts")
        scheduler, infra = await bus.connect("scheduler"), await bus.connect("infra")
        event = encode(events_pb2.RunDeleted(run_id=RUN, project="default", flow="F", at=timestamp()))
        await scheduler.publish_stream(event.subject, event.body, msg_id=event.id, headers=event.headers)

        async def gone():
            info = json.loads((await infra.request("$JS.API.STREAM.INFO.HW_LOGS", b"")).data)
            return info["state"]["messages"] == 0 and await objects.head(row["object"]) is None

        await eventually(gone)
        await end()  # what comes late archives nothing
        sql = "SELECT count(*) FROM parts UNION ALL SELECT count(*) FROM archives WHERE due_at IS NOT NULL"
        assert [each[0] for each in await kit.database.fetch(sql)] == [0, 0]
        await objects.http.close()


async def test_what_cannot_be_deleted(start):  # noqa: F811
    async with start() as client:
        for question, error in [
            ({"run_id": "0190"}, NotFound),
            ({"run_id": ""}, InvalidArgument),
            ({"run_id": RUN, "stream": "stdin"}, InvalidArgument),
            ({"run_id": RUN, "attempt": -1}, InvalidArgument),
        ]:
            with pytest.raises(error):
                await client.DeleteLogs(pb.DeleteLogsRequest(**question))
