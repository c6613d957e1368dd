"""The harness itself: tests do not see each other, and identities have their rights and no others."""

import asyncpg
import pytest

from headwater_server.kit.errors import PermissionDenied, ServiceError
from headwater_server.kit.objects import ObjectStore


@pytest.mark.parametrize("turn", [1, 2])
async def test_databases_are_fresh_and_migrated(new_database, turn):
    connection = await asyncpg.connect(await new_database("tracking"))
    try:
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 0
        await connection.execute("INSERT INTO outbox (id, subject, headers, body) VALUES ('1', 's', '{}', '')")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE mine (x int)")
    finally:
        await connection.close()


@pytest.mark.parametrize("turn", [1, 2])
async def test_every_test_has_a_bus_of_its_own(bus, turn):
    scheduler = await bus.connect("scheduler")
    assert await scheduler.publish_stream("hw.evt.v1.default.run.started.r1", b"{}", msg_id="1") == 1


async def test_refused_acts_are_told_at_once(bus):
    tracking = await bus.connect("tracking")
    with pytest.raises(PermissionDenied):
        await tracking.publish_stream("hw.evt.v1.default.model.promoted.churn", b"{}", msg_id="1", timeout=5)


async def test_a_kit_is_composed(service_kit):
    kit = await service_kit("tracking")
    assert kit.tables
    assert await kit.database.fetchval("SELECT count(*) FROM experiments") >= 0


async def test_eventually_gives_the_last_failure(eventually):
    with pytest.raises(AssertionError, match="last: \\[\\]"):
        await eventually(list, timeout=0.01)


async def test_the_s3_server_has_the_buckets_and_a_key_opens_one(s3):
    access, secret = s3.keys["artifact"]
    await ObjectStore(s3.endpoint, "headwater-artifacts", access, secret).put("probe", b"x")
    with pytest.raises(ServiceError, match=r"403|AccessDenied"):
        await ObjectStore(s3.endpoint, "headwater-logs", access, secret).put("probe", b"x")
