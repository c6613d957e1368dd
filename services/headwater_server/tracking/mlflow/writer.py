"""Many requests, one commit: whatever waits to be written when a commit ends goes into the next one.

A request of points alone is a row set of a single statement; params and tags take a transaction. Each request hears of
its own conflicts. Never reads a request: logged.py does.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import asyncpg

from headwater_server.kit.database import Database, load_queries
from headwater_server.kit.errors import ServiceError

q = load_queries("headwater_server.tracking")
# More than this at once would keep the first ones waiting for the last.
POINTS_AT_ONCE = 20_000


class Columns(NamedTuple):
    """Points by column."""

    keys: list[int]
    steps: list[int]
    times: list[int]
    values: list[float]


NOTHING = Columns([], [], [], [])


class RunGone(Exception):
    """The run is deleted, or was never there."""


class ParamsChange(Exception):
    """(key id, old value, new value) of each param that is another already."""

    def __init__(self, changes: list[tuple[int, str, str]]) -> None:
        super().__init__(changes)
        self.changes = changes


class _Refused(Exception):
    """Entries that were written in part have been refused: the rest is to be written without them."""


@dataclass(eq=False)
class Entry:
    """What one request writes to one run."""

    run: int
    points: Columns = NOTHING
    params: dict[int, str] = field(default_factory=dict)
    tags: dict[int, str] = field(default_factory=dict)
    done: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def points_only(self) -> bool:
        return not self.params and not self.tags and bool(self.points.keys)

    def fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class Writer:
    def __init__(self, database: Database, came: Callable[[int, int], None]) -> None:
        """came(run, points): so many points of a run were stored."""
        self._database, self._came = database, came
        self._waiting: list[Entry] = []
        self._work: asyncio.Task[None] | None = None

    async def write(self, entry: Entry) -> None:
        """Returns when it is stored for good. Raises RunGone, ParamsChange or a ServiceError."""
        self._waiting.append(entry)
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._write_all(), name="tracking:writer")
        await entry.done

    async def _write_all(self) -> None:
        while self._waiting:
            entries = self._take()
            try:
                await self._database.retrying(lambda entries=entries: self._store(entries))
                for entry in entries:
                    if not entry.done.done():
                        entry.done.set_result(None)
                        self._came(entry.run, len(entry.points.keys))
            except Exception as error:
                if len(entries) > 1 and not isinstance(error, ServiceError):
                    await self._one_by_one(entries)
                    continue
                for entry in entries:
                    entry.fail(error)

    async def _one_by_one(self, entries: list[Entry]) -> None:
        """One of them cannot be stored: the others must not suffer for it."""
        for entry in entries:
            if entry.done.done():
                continue
            try:
                await self._database.retrying(lambda entry=entry: self._store([entry]))
                if not entry.done.done():
                    entry.done.set_result(None)
            except Exception as error:
                entry.fail(error)

    def _take(self) -> list[Entry]:
        points = 0
        for number, entry in enumerate(self._waiting):
            points += len(entry.points.keys)
            if points > POINTS_AT_ONCE and number:
                break
        else:
            number = len(self._waiting)
        taken, self._waiting = self._waiting[:number], self._waiting[number:]
        return taken

    async def _store(self, entries: list[Entry]) -> None:
        if all(entry.points_only for entry in entries):
            rows = await self._database.fetch(q.ml_log_points, *_points(entries))
            _refuse_gone(entries, {row["run_id"] for row in rows})
            return
        while not await self._store_whole(entries):
            pass

    async def _store_whole(self, entries: list[Entry]) -> bool:
        """False: an entry was refused when a part of it was written already. Nothing is stored yet."""
        try:
            await self._transaction(entries)
        except _Refused:
            return False
        return True

    async def _transaction(self, entries: list[Entry]) -> None:
        async with self._database.transaction() as conn:
            runs = sorted({entry.run for entry in entries})
            _refuse_gone(entries, {row["id"] for row in await conn.fetch(q.ml_active, runs)})
            left = await self._params(conn, [entry for entry in entries if not entry.done.done()])
            if any(entry.points.keys for entry in left):
                await conn.execute(q.ml_log_points, *_points(left))
            await self._tags(conn, left)

    async def _params(self, conn: asyncpg.Connection, entries: list[Entry]) -> list[Entry]:
        """Those whose params are stored now. The others have heard why not, and nothing of them is stored."""
        left = await self._unchanged(conn, entries)
        columns = _texts(left)
        new = (await conn.fetchval(q.ml_new_params, *columns) or 0) if columns[0] else 0
        # Of those that were there already some may have come a moment ago, or twice with this commit.
        if new < len(columns[0]) and len(await self._unchanged(conn, left)) < len(left):
            raise _Refused
        return left

    async def _unchanged(self, conn: asyncpg.Connection, entries: list[Entry]) -> list[Entry]:
        columns = _texts(entries)
        if not columns[0]:
            return entries
        rows = await conn.fetch(q.differing_params, *columns)
        old = {(row["run_id"], row["key_id"], row["new"]): row["old"] for row in rows}
        left: list[Entry] = []
        for entry in entries:
            changes = [(k, old[entry.run, k, v], v) for k, v in entry.params.items() if (entry.run, k, v) in old]
            if changes:
                entry.fail(ParamsChange(changes))
            else:
                left.append(entry)
        return left

    async def _tags(self, conn: asyncpg.Connection, entries: Sequence[Entry]) -> None:
        final = {(entry.run, key): value for entry in entries for key, value in entry.tags.items()}
        if final:
            order = sorted(final)
            await conn.execute(q.upsert_tags, [o[0] for o in order], [o[1] for o in order], [final[o] for o in order])


def _refuse_gone(entries: Sequence[Entry], there: set[int]) -> None:
    for entry in entries:
        if entry.run not in there:
            entry.fail(RunGone())


def _points(entries: Sequence[Entry]) -> tuple[list[int], list[int], list[int], list[int], list[float]]:
    if len(entries) == 1:
        points = entries[0].points
        return [entries[0].run] * len(points.keys), points.keys, points.steps, points.times, points.values
    runs: list[int] = []
    keys: list[int] = []
    steps: list[int] = []
    times: list[int] = []
    values: list[float] = []
    for entry in entries:
        points = entry.points
        runs += [entry.run] * len(points.keys)
        keys += points.keys
        steps += points.steps
        times += points.times
        values += points.values
    return runs, keys, steps, times, values


def _texts(entries: Sequence[Entry]) -> tuple[list[int], list[int], list[str]]:
    """Params as columns, in one order for all writers."""
    rows = sorted((entry.run, key, value) for entry in entries for key, value in entry.params.items())
    return [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
