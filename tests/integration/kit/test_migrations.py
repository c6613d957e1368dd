"""Migrations are applied once, in order, and never rewritten afterwards."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from headwater_server.kit import migrate
from headwater_server.kit.database import Database
from headwater_server.kit.errors import FailedPrecondition
from headwater_server.kit.migrate import Migration

FIRST = Migration("tracking", "0001_a.sql", "CREATE TABLE a (x int); INSERT INTO a VALUES (1)")
SECOND = Migration("tracking", "0002_b.sql", "CREATE TABLE b (x int)")


@pytest_asyncio.fixture
async def owner(postgres) -> AsyncIterator[asyncpg.Connection]:
    """The owner of an empty schema `tracking`."""
    url = await postgres.new_database("tracking")
    connection = await asyncpg.connect(postgres.admin_url(url.rpartition("/")[2]))
    await connection.execute("DROP SCHEMA tracking CASCADE; CREATE SCHEMA tracking AUTHORIZATION tracking_owner")
    await connection.execute("SET ROLE tracking_owner")
    yield connection
    await connection.close()
    await postgres.drop(url)


@pytest.fixture
def files(monkeypatch) -> list[Migration]:
    found = [FIRST]
    monkeypatch.setattr(migrate, "migrations", lambda service: found)
    return found


async def test_each_is_applied_once_in_order(owner, files):
    assert await migrate.apply(owner, "tracking", "tracking") == ["tracking/0001_a.sql"]
    files.append(SECOND)
    assert await migrate.apply(owner, "tracking", "tracking") == ["tracking/0002_b.sql"]
    assert await migrate.apply(owner, "tracking", "tracking") == []
    assert await owner.fetchval("SELECT count(*) FROM tracking.a") == 1


async def test_one_that_was_changed_after_it_was_applied_is_refused_and_nothing_else_done(owner, files):
    await migrate.apply(owner, "tracking", "tracking")
    files[:] = [Migration("tracking", FIRST.name, "CREATE TABLE a (x bigint)"), SECOND]
    with pytest.raises(FailedPrecondition, match=r"tracking/0001_a.sql of tracking has changed"):
        await migrate.apply(owner, "tracking", "tracking")
    assert await owner.fetchval("SELECT to_regclass('tracking.b')") is None


async def test_one_that_fails_takes_the_others_of_its_run_with_it(owner, files):
    files[:] = [SECOND, Migration("tracking", "0003_c.sql", "CREATE TABLE c (x nonsense)")]
    with pytest.raises(asyncpg.UndefinedObjectError):
        await migrate.apply(owner, "tracking", "tracking")
    assert await owner.fetchval("SELECT to_regclass('tracking.b')") is None


async def test_several_at_once_apply_each_once(owner, files, postgres):
    database = await owner.fetchval("SELECT current_database()")
    others = [await asyncpg.connect(postgres.admin_url(database)) for _ in range(3)]
    try:
        for other in others:
            await other.execute("SET ROLE tracking_owner")
        done = await asyncio.gather(*(migrate.apply(other, "tracking", "tracking") for other in others))
    finally:
        await asyncio.gather(*(other.close() for other in others))
    assert sorted(done) == [[], [], ["tracking/0001_a.sql"]]


async def test_a_service_does_not_start_on_a_schema_that_is_behind(owner, files, postgres):
    await migrate.apply(owner, "tracking", "tracking")
    name = await owner.fetchval("SELECT current_database()")
    database = await Database.connect(postgres.url("tracking", name), size=1, name="tracking")
    try:
        await migrate.verify(database, "tracking")
        files.append(SECOND)
        with pytest.raises(FailedPrecondition, match=r"lacks tracking/0002_b.sql") as caught:
            await migrate.verify(database, "tracking")
        assert "admin apply" in caught.value.hint
    finally:
        await database.close()
