"""Blobs and the index of artifacts in Postgres: every statement of this service, from queries/*.sql."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from headwater_server.kit.database import Database, load_queries

q = load_queries(__package__)
NEWEST = 2**63 - 1


class StoredBlob(NamedTuple):
    """A blob as one project sees it: created_at is when it came to that project."""

    size: int
    key: str
    created_at: datetime


class ArtifactRow(NamedTuple):
    """An artifact of one attempt, in the order of the columns that index_artifacts fills."""

    run_id: uuid.UUID
    step: str
    path: str
    task_index: int
    attempt: int
    name: str
    project: str
    flow: str
    task_id: str
    digest: bytes
    size: int
    type: str
    encoding: str
    created_at: datetime


class Filter(NamedTuple):
    """Which artifacts of a project are asked for; None: any."""

    run_id: uuid.UUID | None = None
    step: str | None = None
    task_id: str | None = None
    name: str | None = None
    digest: bytes | None = None


class Store:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def blob(self, project: str, digest: bytes) -> StoredBlob | None:
        row = await self._database.fetchrow(q.find_blob, project, digest)
        return StoredBlob(*row) if row else None

    async def register(self, project: str, digest: bytes, size: int, key: str) -> StoredBlob:
        """The blob belongs to the project from now on. Its key is the given one unless it was stored before."""
        row = await self._database.fetchrow(q.register_blob, project, digest, size, key)
        assert row is not None
        return StoredBlob(*row)

    async def key_in_use(self, digest: bytes, key: str) -> bool:
        return await self._database.fetchval(q.key_in_use, digest, key)

    async def index(self, rows: Sequence[ArtifactRow]) -> None:
        """Idempotent: what is there stays."""
        if rows:
            await self._database.execute(q.index_artifacts, *(list(column) for column in zip(*rows, strict=True)))

    async def artifacts(self, project: str, wanted: Filter, before: int, limit: int) -> list[asyncpg.Record]:
        """Newest first."""
        async with self._database.transaction() as conn:
            await conn.execute(q.plan_each_time)
            return await conn.fetch(q.list_artifacts, project, before, *wanted, limit)

    async def put_card(self, conn: asyncpg.Connection, *values: Any) -> asyncpg.Record | None:
        """The card as it is now, which may be newer than what was given (then not `written`); None when the run is
        another project's."""
        return await conn.fetchrow(q.put_card, *values)

    async def cards(
        self,
        project: str,
        run: uuid.UUID,
        after: int,
        step: str | None,
        task_id: str | None,
        digest: bytes | None,
        limit: int,
    ) -> list[asyncpg.Record]:
        """Cards of a run, oldest first."""
        return await self._database.fetch(q.list_cards, project, run, after, step, task_id, digest, limit)
