"""Blobs and the index of artifacts in Postgres: every statement of this service, from queries/*.sql."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

from headwater_server.artifact.holders import Holder
from headwater_server.artifact.keys import read_key
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


class Reference(NamedTuple):
    """A holder that needs a blob; run: the run that it is."""

    project: str
    digest: bytes
    holder: str
    run: uuid.UUID | None = None


class Idle(NamedTuple):
    """A blob that nobody of a project needs."""

    project: str
    digest: bytes
    size: int


class _Dead(Exception):
    """The key of an upload is being removed."""


class Store:
    def __init__(self, database: Database, lease: timedelta = timedelta(hours=1)) -> None:
        """lease: how long a blob stays for somebody who has asked for it, until they refer to it."""
        self._database, self.lease = database, lease

    async def blob(self, project: str, digest: bytes) -> StoredBlob | None:
        row = await self._database.fetchrow(q.find_blob, project, digest)
        return StoredBlob(*row) if row else None

    async def hold(self, project: str, digest: bytes, holder: Holder) -> bool:
        """From now on the holder needs the blob: it stays. False: the project does not have it (any more)."""
        if await self._database.fetchval(q.is_held, project, digest, holder.name, holder.lease):
            return True
        try:
            return await self._database.fetchval(q.hold, project, digest, *holder.values()) is not None
        except asyncpg.ForeignKeyViolationError:  # it was collected a moment ago
            return False

    async def generation(self, base: str) -> int:
        """Of the key that an upload goes to; base: its first generation."""
        return await self._database.fetchval(q.generation, base)

    async def register(self, project: str, digest: bytes, size: int, key: str, holder: Holder) -> StoredBlob | None:
        """The blob belongs to the project from now on, and the holder needs it. Its key is the given one unless it was
        stored before. None: what lies at the key is about to be removed, so it must be uploaded again."""
        try:
            async with self._database.transaction() as conn:
                row = await conn.fetchrow(q.register_blob, project, digest, size, key)
                assert row is not None
                # In a statement of its own: the first may have waited for the collector.
                if row["key"] == key and await conn.fetchval(q.is_dead, key):
                    raise _Dead
                await conn.fetchval(q.hold, project, digest, *holder.values())
        except _Dead:
            return None
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

    # References

    async def refer(self, references: Sequence[Reference]) -> None:
        """Idempotent. What a project does not have is left out: values of other engines, inline ones."""
        if references:
            columns = (list(column) for column in zip(*references, strict=True))
            await self._database.execute(q.add_references, *columns)

    async def replace(self, project: str, holder: str, digests: Sequence[bytes], at: datetime) -> None:
        """From `at` on the holder needs these, and no others. What it needed before gets a lease: a run that it has
        just started may say so a moment later."""
        async with self._database.transaction() as conn:
            await conn.execute(q.lease_held, project, holder, self.lease)
            await conn.execute(q.release, project, holder, at)
            await conn.execute(q.refer_since, project, holder, list(digests), at)

    async def release(self, project: str, holder: str) -> None:
        await self._database.execute(q.release, project, holder, None)

    async def release_model(self, project: str, model: str) -> None:
        await self._database.execute(q.release_model, project, model)

    async def rename_model(self, project: str, old: str, new: str) -> None:
        await self._database.execute(q.rename_model, project, old, new)

    async def run_deleted(self, run: uuid.UUID) -> bool:
        return await self._database.fetchval(q.run_deleted, run)

    async def forget_run(self, project: str, run: uuid.UUID, holder: str, *, heirs: bool) -> None:
        """heirs: other runs took tasks over; until what they refer to is known here, it stays."""
        async with self._database.transaction() as conn:
            await conn.execute(q.note_deleted_run, run)
            if heirs:
                await conn.execute(q.lease_held, project, holder, self.lease)
            await conn.execute(q.forget_artifacts, run)
            await conn.execute(q.forget_cards, run)
            await conn.execute(q.forget_files, project, f"runs/{run.hex}")
            await conn.execute(q.release, project, holder, None)

    async def empty(
        self, project: str, runs: Sequence[uuid.UUID], also: Callable[[asyncpg.Connection], Awaitable[None]]
    ) -> int:
        """Nobody of the project needs a blob any more, and its runs are gone; how many files went. also: what else goes
        in the same transaction."""
        async with self._database.transaction() as conn:
            await also(conn)
            await conn.execute(q.note_deleted_runs, list(runs))
            for statement in (
                q.empty_artifacts, q.empty_cards, q.empty_references, q.empty_datasets, q.empty_datum_aliases,
            ):  # fmt: skip
                await conn.execute(statement, project)
            return int((await conn.execute(q.empty_files, project)).rpartition(" ")[2] or 0)

    async def projects(self) -> list[str]:
        return [row["project"] for row in await self._database.fetch(q.projects)]

    # What nobody needs

    async def idle(self, project: str, after: tuple[str, bytes], grace: timedelta, limit: int) -> list[Idle]:
        return [Idle(*row) for row in await self._database.fetch(q.idle_blobs, project, *after, grace, limit)]

    async def idle_bytes(self, idle: Sequence[Idle]) -> int:
        """What would leave the bucket with these."""
        return await self._database.fetchval(q.idle_bytes, [i.project for i in idle], [i.digest for i in idle])

    async def collect(self, idle: Sequence[Idle], grace: timedelta) -> tuple[int, int]:
        """Takes those that are still idle away, in one transaction; (blobs of projects, bytes of the bucket)."""
        given = [i.project for i in idle], [i.digest for i in idle]
        async with self._database.transaction() as conn:
            await conn.fetch(q.lock_blobs, given[1])
            await conn.fetch(q.lock_project_blobs, *given)
            await conn.execute(q.drop_leases, *given, grace)
            dropped = [row["digest"] for row in await conn.fetch(q.drop_idle, *given, grace)]
            gone = await conn.fetch(q.drop_blobs, dropped) if dropped else []
            await self._bury(conn, [row["key"] for row in gone])
        return len(dropped), sum(row["size"] for row in gone)

    async def _bury(self, conn: Any, keys: Sequence[str]) -> None:
        read = [(key, found.base, found.generation) for key in keys if (found := read_key(key))]
        if read:
            await conn.execute(q.bury, *(list(column) for column in zip(*read, strict=True)))

    async def dead(self, rest: timedelta, limit: int) -> list[asyncpg.Record]:
        """(key, again) of objects to be removed; again: for the second and last time, `rest` after the first."""
        return await self._database.fetch(q.dead_to_remove, rest, limit)

    async def removed(self, key: str, rest: timedelta, *, again: bool) -> None:
        if again:
            await self._database.execute(q.forget_dead, key, rest)
        else:
            await self._database.execute(q.removed, key)

    # What the audit finds

    async def between(self, after: bytes, last: bytes | None, limit: int) -> list[asyncpg.Record]:
        """(digest, size, key, missing_since, projects) of blobs beyond a digest, up to another one."""
        return await self._database.fetch(q.blobs_between, after, last, limit)

    async def dead_among(self, keys: Sequence[str]) -> set[str]:
        return {row["key"] for row in await self._database.fetch(q.dead_among, keys)}

    async def mark_missing(self, digest: bytes, key: str) -> None:
        await self._database.execute(q.mark_missing, digest, key)

    async def found_again(self, digest: bytes, key: str) -> None:
        await self._database.execute(q.found_again, digest, key)

    async def point_elsewhere(self, digest: bytes, key: str, to: str, size: int) -> None:
        await self._database.execute(q.point_elsewhere, digest, key, to, size)

    async def bury_orphan(self, key: str) -> bool:
        """False: it is somebody's by now."""
        read = read_key(key)
        assert read is not None
        async with self._database.transaction() as conn:
            await conn.execute(q.reserve_blob, read.digest)
            if await conn.fetchval(q.lock_key, read.digest) == key:
                return False
            await self._bury(conn, [key])
            await conn.execute(q.unreserve_blob, read.digest)
        return True
