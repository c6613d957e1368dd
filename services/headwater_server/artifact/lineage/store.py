"""The lineage graph in Postgres. Each batch of events is one transaction under one lock: kept, then told to the graph.

The graph is a function of the set of events: their order and repetitions make no difference, and a rebuild from those
that are kept gives the same.
"""

import json
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from headwater_server.artifact.lineage import events
from headwater_server.artifact.lineage.nodes import KINDS, Node
from headwater_server.artifact.lineage.reading import Fact, Told
from headwater_server.artifact.store import q
from headwater_server.kit.database import Database
from headwater_server.kit.errors import Aborted

PAGE = 1000
# Not forgotten with whom they tell of: they say that it is gone.
ENDS = ["run.deleted", "tracked_run.deleted", "model.deleted"]


class Rebuilt(NamedTuple):
    events: int
    nodes: int
    edges: int
    changed: bool


class LineageStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    async def add(self, facts: Sequence[Fact]) -> None:
        """Idempotent. Raises InvalidArgument where one of them cannot be read: then none is kept."""
        async with self.database.transaction() as conn:
            await conn.execute(q.lineage_lock)
            build = await self._active(conn)
            owners = list({fact.owner for fact in facts if fact.owner})
            gone = {row["id"] for row in await conn.fetch(q.lineage_gone_among, build, owners)}
            facts = [fact for fact in facts if fact.owner not in gone or fact.type in ENDS]
            columns = [
                [f.id for f in facts],
                [f.project for f in facts],
                [f.owner for f in facts],
                [f.type for f in facts],
                [f.at for f in facts],
                [msgspec.json.encode(f.body).decode() for f in facts],
            ]
            new = {row["id"] for row in await conn.fetch(q.lineage_keep, *columns)}
            if new:
                await self._tell(conn, build, [fact for fact in facts if fact.id in new])

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[tuple[asyncpg.Connection, int]]:
        """A view of one moment, and the build that is in use in it."""
        async with self.database.pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
            yield conn, await self._active(conn)  # type: ignore[misc]

    async def empty(self, conn: asyncpg.Connection, project: str, runs: Sequence[uuid.UUID], at: datetime) -> None:
        """In the transaction that empties the project: what was told of it before counts for nothing any more."""
        await conn.execute(q.lineage_lock)
        build = await self._active(conn)
        await conn.execute(q.lineage_empty_events, project)
        body = json.dumps({"runs": [str(run) for run in runs]})
        row = ([f"emptied:{project}:{at.timestamp()}"], [project], [None], [events.EMPTIED], [at], [body])
        await conn.fetch(q.lineage_keep, *row)
        await self._empty(conn, build, project, runs)

    async def rebuild(self) -> Rebuilt:
        """The graph anew, from the events that are kept, beside the one in use. Writers wait for its end only.

        Raises Aborted when another rebuild is under way."""
        async with self.database.pool.acquire() as lone:
            if not await lone.fetchval(q.lineage_rebuild_lock):
                raise Aborted("lineage is being rebuilt already", hint="wait for that to end")
            try:
                return await self._rebuild()
            finally:
                await lone.execute(q.lineage_rebuild_unlock)

    async def _rebuild(self) -> Rebuilt:
        async with self.database.transaction() as conn:
            build = 1 - await self._active(conn)
            await self._clear(conn, build)
        after, count = 0, 0
        while True:
            async with self.database.transaction() as conn:
                rows = await conn.fetch(q.lineage_events_after, after, PAGE)
                await self._replay(conn, build, rows)
            after, count = (rows[-1]["seq"] if rows else after), count + len(rows)
            if len(rows) < PAGE:
                break
        async with self.database.transaction() as conn:
            await conn.execute(q.lineage_lock)
            while rows := await conn.fetch(q.lineage_events_after, after, PAGE):
                await self._replay(conn, build, rows)
                after, count = rows[-1]["seq"], count + len(rows)
            made, before = await conn.fetchrow(q.lineage_print, build), await conn.fetchrow(q.lineage_print, 1 - build)
            assert made is not None and before is not None
            await conn.execute(q.lineage_activate, build)
        async with self.database.transaction() as conn:
            await self._clear(conn, 1 - build)
        return Rebuilt(count, made["nodes"], made["edges"], made["print"] != before["print"])

    async def _replay(self, conn: asyncpg.Connection, build: int, rows: Sequence[Any]) -> None:
        together: list[Fact] = []
        for row in rows:
            body = msgspec.json.decode(row["body"])
            if row["type"] == events.EMPTIED:
                await self._tell(conn, build, together)
                together = []
                await self._empty(conn, build, row["project"], [uuid.UUID(run) for run in body["runs"]])
            else:
                fact = Fact(row["id"], row["type"], row["project"], row["at"], body, row["owner"])
                together.append(fact)
        await self._tell(conn, build, together)

    async def _active(self, conn: asyncpg.Connection) -> int:
        return int(await conn.fetchval(q.lineage_active) or 0)

    # What is told

    async def _tell(self, conn: asyncpg.Connection, build: int, facts: Sequence[Fact]) -> None:
        if not facts:
            return
        projects = list({fact.project for fact in facts})
        emptied = {row["project"]: row["at"] for row in await conn.fetch(q.lineage_emptied, projects)}
        told = events.told(facts, emptied.get)
        await self._end(conn, build, told)
        await self._drop_gone(conn, build, told)
        await self._write(conn, build, told)

    async def _end(self, conn: asyncpg.Connection, build: int, told: Told) -> None:
        if told.forgotten:
            await conn.execute(q.lineage_forget_events, list(told.forgotten), ENDS)
        if told.gone:
            await conn.execute(q.lineage_note_gone, build, list(told.gone))
            await self._remove(conn, build, list(told.gone))

    async def _remove(self, conn: asyncpg.Connection, build: int, gone: list[uuid.UUID]) -> None:
        """What ends with these, and what nothing leads to any more."""
        ids = [row["id"] for row in await conn.fetch(q.lineage_nodes_of, build, gone)]
        others = [row["other"] for row in await conn.fetch(q.lineage_cut_edges, build, ids)]
        await conn.execute(q.lineage_drop_nodes, build, ids)
        await conn.execute(q.lineage_drop_loose, build, others)
        await conn.execute(q.lineage_drop_names, build, gone)

    async def _drop_gone(self, conn: asyncpg.Connection, build: int, told: Told) -> None:
        """Takes what is told of those that are gone out of it."""
        ids = {*told.nodes, *told.names, *(node.owner for node in told.nodes.values() if node.owner)}
        ids |= {uuid.UUID(target) for node in _aliases(told.nodes.values()) if (target := _target(node.attrs))}
        gone = {row["id"] for row in await conn.fetch(q.lineage_gone_among, build, list(ids))}
        if not gone:
            return
        told.names = {key: name for key, name in told.names.items() if key not in gone}
        told.nodes = {key: node for key, node in told.nodes.items() if gone.isdisjoint((key, node.owner))}
        told.edges = {
            key: edge
            for key, edge in told.edges.items()
            if gone.isdisjoint((edge.source.id, edge.source.owner, edge.target.id, edge.target.owner))
        }

    async def _write(self, conn: asyncpg.Connection, build: int, told: Told) -> None:
        if told.names:
            await conn.execute(q.lineage_put_names, build, *_columns(told.names.values()))
        if told.edges:
            edges = sorted(told.edges.values(), key=lambda edge: edge.key)
            keys = _columns(edge.key for edge in edges)
            groups = [edge.source.group for edge in edges], [edge.target.group for edge in edges]
            await conn.execute(q.lineage_put_edges, build, *keys, *groups)
        needed = {node.id for edge in told.edges.values() for node in (edge.source, edge.target)}
        found = [node for node in told.nodes.values() if node.at is not None or node.id in needed]
        if found:
            found.sort(key=lambda node: node.id)
            await conn.execute(q.lineage_put_nodes, build, *_columns(found))
        if aliases := _aliases(found):
            await self._point(conn, build, aliases)

    async def _point(self, conn: asyncpg.Connection, build: int, aliases: Sequence[Node]) -> None:
        """The one edge of an alias comes from the version that its node names now, if that is still there."""
        known = {node.id: node for node in aliases}
        rows = await conn.fetch(q.lineage_aliases, build, list(known))
        loose = [row["source"] for row in await conn.fetch(q.lineage_cut_into, build, list(known))]
        wanted = {row["id"]: uuid.UUID(target) for row in rows if (target := _target(row["attrs"]))}
        gone = {row["id"] for row in await conn.fetch(q.lineage_gone_among, build, list(wanted.values()))}
        told = Told()
        for ident, target in wanted.items():
            if target not in gone:
                alias = known[ident]
                number = json.loads(next(row["attrs"] for row in rows if row["id"] == ident))["version"]
                version = Node(target, alias.project, KINDS["model"], alias.owner, str(number))
                told.edge(version, "points_to", alias)
        if told.edges:
            told.nodes = {key: node for key, node in told.nodes.items() if key not in known}
            await self._write(conn, build, told)
        await conn.execute(q.lineage_drop_loose, build, loose)

    # Emptying

    async def _empty(self, conn: asyncpg.Connection, build: int, project: str, runs: Sequence[uuid.UUID]) -> None:
        await conn.execute(q.lineage_note_gone, build, list(runs))
        for statement in (q.lineage_empty_edges, q.lineage_empty_nodes, q.lineage_empty_names):
            await conn.execute(statement, build, project)

    async def _clear(self, conn: asyncpg.Connection, build: int) -> None:
        for statement in (q.lineage_clear_edges, q.lineage_clear_nodes, q.lineage_clear_names, q.lineage_clear_gone):
            await conn.execute(statement, build)


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _aliases(nodes: Iterable[Node]) -> list[Node]:
    return [node for node in nodes if node.kind == KINDS["alias"] and node.at is not None]


def _target(attrs: str) -> str:
    return json.loads(attrs).get("target", "") if attrs else ""
