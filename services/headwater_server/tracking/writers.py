"""Stores packed batches, each once: a writer numbers them, and its row says how far it has come.

The row moves in the transaction that stores the batches, so a repeat is known however late it comes. Many points of
many runs are one statement. Never reads a request: packed.py does.
"""

import uuid
from collections.abc import Callable, Sequence
from typing import NamedTuple

import asyncpg

from headwater_server.kit.database import Database, load_queries
from headwater_server.kit.errors import NotFound, ServiceError
from headwater_server.tracking.packed import Packed
from headwater_server.tracking.store import Store, no_run, param_conflict

q = load_queries(__package__)


class Refusal(NamedTuple):
    batch: Packed
    error: ServiceError


class _Placed(NamedTuple):
    run: int
    batch: Packed


class Writers:
    """came(run, points): is told of what was stored."""

    def __init__(self, database: Database, store: Store, came: Callable[[int, int], None]) -> None:
        self._database, self._store, self._came = database, store, came

    async def write(
        self, writer: str, batches: Sequence[Packed], may_see: Callable[[str], bool]
    ) -> tuple[int, list[Refusal]]:
        """How far the writer is now, and what could not be stored. may_see: is this project the caller's?"""
        runs = await self._store.locate_all({uuid.UUID(batch.run_id) for batch in batches})
        placed: list[_Placed] = []
        unknown: list[Refusal] = []
        for batch in batches:
            run = runs.get(uuid.UUID(batch.run_id))
            if run is None or not may_see(run.project):
                unknown.append(Refusal(batch, no_run(batch.run_id, "run_id")))
            else:
                placed.append(_Placed(run.id, batch))
        names = {name for batch in batches for name in (*batch.names, *batch.params, *batch.tags)}
        keys = await self._store.ensure_keys(names)
        last = batches[-1].sequence if batches else 0

        async def work() -> tuple[int, list[Refusal]]:
            async with self._database.transaction() as conn:
                stored: int = await conn.fetchval(q.hold_writer, writer) or 0
                fresh = [each for each in placed if each.batch.sequence > stored]
                refused = [each for each in unknown if each.batch.sequence > stored]
                refused += await self._params(conn, fresh, keys)
                refused += await self._points(conn, fresh, keys)
                await self._tags(conn, fresh, keys)
                if last > stored:
                    await conn.execute(q.advance_writer, writer, last)
                return max(last, stored), refused

        found = await self._database.retrying(work)
        for run, batch in placed:
            if batch.value:
                self._came(run, len(batch.value))
        return found

    async def _points(self, conn: asyncpg.Connection, placed: Sequence[_Placed], keys: dict[str, int]) -> list[Refusal]:
        runs: list[int] = []
        ids: list[int] = []
        steps: list[int] = []
        times: list[int] = []
        values: list[float] = []
        for run, batch in placed:
            of_name = [keys[name] for name in batch.names]
            runs += [run] * len(batch.value)
            ids += [of_name[number] for number in batch.key]
            steps += batch.step
            times += batch.time
            values += batch.value
        if not values:
            return []
        there = {row["run_id"] for row in await conn.fetch(q.ml_log_points, runs, ids, steps, times, values)}
        return [
            Refusal(each.batch, NotFound(f"run_id: run {each.batch.run_id} is deleted", field="run_id"))
            for each in placed
            if each.batch.value and each.run not in there
        ]

    async def _params(self, conn: asyncpg.Connection, placed: Sequence[_Placed], keys: dict[str, int]) -> list[Refusal]:
        """The first value of a param stays."""
        wanted = [(each.run, keys[k], v, n, k) for n, each in enumerate(placed) for k, v in each.batch.params.items()]
        if not wanted:
            return []
        wanted.sort(key=lambda w: (w[0], w[1], w[3]))
        columns = [w[0] for w in wanted], [w[1] for w in wanted], [w[2] for w in wanted]
        await conn.execute(q.insert_params, *columns)
        rows = await conn.fetch(q.differing_params, *columns)
        old = {(r["run_id"], r["key_id"], r["new"]): r["old"] for r in rows}
        return [
            Refusal(placed[number].batch, param_conflict(key, old[run, key_id, value], value))
            for run, key_id, value, number, key in wanted
            if (run, key_id, value) in old
        ]

    async def _tags(self, conn: asyncpg.Connection, placed: Sequence[_Placed], keys: dict[str, int]) -> None:
        final = {(each.run, keys[k]): v for each in placed for k, v in each.batch.tags.items()}
        if final:
            order = sorted(final)
            await conn.execute(q.upsert_tags, [o[0] for o in order], [o[1] for o in order], [final[o] for o in order])


def visible(project: str) -> Callable[[str], bool]:
    """Of a caller: project "*" is every project."""
    return lambda other: project in ("*", other)
