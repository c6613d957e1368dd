"""Which logs are archived where, in Postgres: every statement of this service, from queries/*.sql."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

import asyncpg

from headwater_server.kit.database import Database, load_queries
from headwater_server.kit.outbox import OutboxTransaction

q = load_queries(__package__)


class Due(NamedTuple):
    """A run whose chunks in the stream are to be looked at now."""

    run_id: uuid.UUID
    project: str
    last_seq: int
    parts: int
    checks: int


class Part(NamedTuple):
    """An object with chunks of a run."""

    part: int
    object: str
    last_seq: int
    packed_index: bytes


class Store:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def run_ended(self, tx: OutboxTransaction, run: uuid.UUID, project: str, delay: float) -> None:
        await tx.conn.execute(q.run_ended, run, project, timedelta(seconds=delay))

    async def look_soon(self, runs: Iterable[tuple[uuid.UUID, str]]) -> None:
        found = list(runs)
        await self._database.execute(q.look_soon, [run for run, _ in found], [project for _, project in found])

    async def seconds_to_next(self) -> float | None:
        return await self._database.fetchval(q.seconds_to_next)

    async def claim_due(self, lease: float) -> Due | None:
        row = await self._database.fetchrow(q.claim_due, timedelta(seconds=lease))
        return Due(*row) if row else None

    async def claim_run(self, run: uuid.UUID, lease: float) -> Due | None:
        row = await self._database.fetchrow(q.claim_run, run, timedelta(seconds=lease))
        return Due(*row) if row else None

    async def replace_part(self, run: uuid.UUID, part: Part, key: str, size: int, index: bytes) -> bool:
        """Puts another object in the place of a part's. False: another process has done so first."""
        args = (run, part.part, part.object, key, size, index)
        return await self._database.fetchval(q.replace_part, *args) is not None

    async def run_deleted(self, tx: OutboxTransaction, run: uuid.UUID, project: str) -> None:
        await tx.conn.execute(q.delete_archive, run, project)
        await tx.conn.execute(q.delete_parts, run)

    async def to_purge(self) -> list[tuple[uuid.UUID, str]]:
        """(run, project) of deleted runs of which the stream may hold lines."""
        return [(row["run_id"], row["project"]) for row in await self._database.fetch(q.to_purge)]

    async def purged(self, run: uuid.UUID) -> None:
        await self._database.execute(q.purged, run)

    async def removed_objects(self) -> list[str]:
        return [row["object"] for row in await self._database.fetch(q.removed_objects)]

    async def forget_object(self, key: str) -> None:
        await self._database.execute(q.forget_object, key)

    async def add_part(self, due: Due, key: str, size: int, chunks: int, last_seq: int, index: bytes) -> bool:
        """False: another process has archived the same chunks first."""
        args = (due.run_id, due.parts, key, size, chunks, last_seq, index)
        return await self._database.fetchval(q.add_part, *args) is not None

    async def look_again(self, due: Due, delay: float) -> None:
        await self._database.execute(q.look_again, due.run_id, due.checks + 1, timedelta(seconds=delay))

    async def looked_last(self, due: Due) -> None:
        async with self._database.transaction() as conn:
            await conn.execute(q.looked_last, due.run_id)
            await conn.execute(q.forget_empty, due.run_id)

    async def parts(self, run: uuid.UUID) -> list[Part]:
        rows: list[asyncpg.Record] = await self._database.fetch(q.list_parts, run)
        return [Part(*row) for row in rows]
