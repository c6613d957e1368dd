"""Runs and tasks in Postgres: the cache of what never changes about a run, and the statements of the hot path.

Every SQL text is in queries/*.sql. Decides nothing.
"""

import hashlib
import uuid
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import asyncpg
import msgspec

from headwater_server.kit.database import Database, load_queries
from headwater_server.kit.errors import NotFound
from headwater_server.scheduler.assignments import Dispatch, Input, RunInfo
from headwater_server.scheduler.graph import Plan
from headwater_server.scheduler.keys import Key, joined
from headwater_server.scheduler.reuse import reuse_of
from headwater_server.scheduler.settle import NewSplit, NewTask

q = load_queries(__package__)
_RUNS = 5000
_PLANS = 500
# A join gets the results of so many tasks, of so many bytes in all, with its assignment; beyond that it asks.
INLINE_JOIN = 16
INLINE_BYTES = 64 * 1024


def run_uuid(run_id: str) -> uuid.UUID:
    """Raises NotFound for what is no id."""
    try:
        return uuid.UUID(run_id)
    except ValueError:
        raise no_run(run_id) from None


def no_run(run_id: str) -> NotFound:
    return NotFound(
        f"there is no run {run_id!r}", field="run_id", hint="`headwater runs` lists them", reason="RUN_NOT_FOUND"
    )


def columns(keys: Iterable[Key]) -> tuple[list[str], list[str], list[str], list[int]]:
    """Keys as the four arrays that the queries take."""
    keys = list(keys)
    return [k.run_id for k in keys], [k.step for k in keys], [k.path for k in keys], [k.index for k in keys]


def graph_digest(graph: dict[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(graph, order="sorted")).hexdigest()


class MissingResult(Exception):
    """A task depends on one that has left no result."""

    def __init__(self, key: Key) -> None:
        super().__init__(f"there is no result of {key.step}/{key.task_id}, which another task depends on")
        self.key = key


class Store:
    def __init__(self, database: Database) -> None:
        self.database = database
        self._infos: OrderedDict[str, RunInfo] = OrderedDict()
        self._plans: OrderedDict[str, Plan] = OrderedDict()

    # What never changes about a run. `conn`: that of the caller's transaction, which must not wait for a second one.

    async def info(self, run_id: str, conn: asyncpg.Connection | None = None) -> RunInfo:
        """Raises NotFound."""
        found = self._infos.get(run_id)
        if found is None:
            row = await (conn or self.database).fetchrow(q.get_run, run_uuid(run_id))
            if row is None:
                raise no_run(run_id)
            found = self.remember(row, await self.plan(row["graph_digest"], conn))
        return found

    def remember(self, row: Any, plan: Plan) -> RunInfo:
        info = RunInfo(
            run_id=str(row["run_id"]),
            project=row["project"],
            flow=row["flow"],
            plan=plan,
            code=row["code"],
            parameters=row["parameters"],
            tags=list(row["tags"]),
            priority=row["priority"],
            max_workers=row["max_workers"],
            created_by=row["created_by"],
            role=row["role"],
            traceparent=row["traceparent"],
            origin_run_id=str(row["origin_run_id"] or ""),
            trigger=row["trigger"],
            deployment=row["deployment"] or "",
            engine=row.get("engine") or "",
            reuse=reuse_of(row.get("reuse")),
        )
        self._infos[info.run_id] = info
        if len(self._infos) > _RUNS:
            self._infos.popitem(last=False)
        return info

    def forget(self, run_id: str) -> None:
        """Its tags have changed, or it is gone."""
        self._infos.pop(run_id, None)

    async def key_of(self, row: Any, conn: asyncpg.Connection | None = None) -> Key:
        """The task, or the split, of a row."""
        run_id = str(row["run_id"])
        plan = (await self.info(run_id, conn)).plan
        return plan.key(run_id, row["step"], row["path"], row["index"])

    async def plan(self, digest: str, conn: asyncpg.Connection | None = None) -> Plan:
        plan = self._plans.get(digest)
        if plan is None:
            graph: Any = await (conn or self.database).fetchval(q.get_graph, digest)
            plan = self.remember_plan(digest, Plan(graph))
        return plan

    def remember_plan(self, digest: str, plan: Plan) -> Plan:
        self._plans[digest] = plan
        if len(self._plans) > _PLANS:
            self._plans.popitem(last=False)
        return plan

    # Tasks

    async def insert_splits(
        self, conn: asyncpg.Connection, splits: Sequence[tuple[NewSplit, int]], priority: dict[str, int]
    ) -> None:
        """splits: each with the number of branches that have not arrived."""
        await conn.execute(
            q.insert_splits,
            *columns(s.key for s, _ in splits),
            [s.target.name for s, _ in splits],
            [s.width for s, _ in splits],
            [s.next_index for s, _ in splits],
            [remaining for _, remaining in splits],
            [joined(s.widths) for s, _ in splits],
            [s.target.pool for s, _ in splits],
            [priority[s.key.run_id] for s, _ in splits],
        )

    async def inputs(
        self, conn: asyncpg.Connection, dispatches: Sequence[tuple[Dispatch, str]], known: dict[Key, Input]
    ) -> list[tuple[list[Input], int]]:
        """For each dispatch, with the step that its input comes from ("": none, or a join): its inputs, and the width
        of a join that has to ask for them. known: results that need not be read."""
        wanted = [await self._sources(conn, dispatch, parent) for dispatch, parent in dispatches]
        missing = list(dict.fromkeys(key for keys, _ in wanted for key in keys if key not in known))
        if missing:
            for row in await conn.fetch(q.load_results, *columns(missing)):
                key = missing[row["n"] - 1]
                known[key] = Input(key, row["attempt"], row["result"] or b"")
        found: list[tuple[list[Input], int]] = []
        for keys, width in wanted:
            if missing := [key for key in keys if key not in known]:
                raise MissingResult(missing[0])
            inputs = [known[key] for key in keys]
            too_large = len(keys) > 1 and sum(len(item.result) for item in inputs) > INLINE_BYTES
            found.append(([], len(keys)) if too_large else (inputs, width))
        return found

    async def _sources(self, conn: asyncpg.Connection, dispatch: Dispatch, parent: str) -> tuple[list[Key], int]:
        plan, key = dispatch.info.plan, dispatch.key
        step = plan[key.step]
        if not step.joins:
            source = plan.parent_of(key, parent)
            return ([source], 0) if source is not None else ([], 0)
        width = await self.join_width(conn, plan, key)
        return ([], width) if width > INLINE_JOIN else (await self.joined(conn, plan, key, width), 0)

    async def joined(
        self, conn: asyncpg.Connection, plan: Plan, join: Key, width: int, offset: int = 0, limit: int | None = None
    ) -> list[Key]:
        """The tasks whose results a join gets, in order: a part of them."""
        if join.step not in plan.undecided:
            return plan.joined_by(join, width, offset, limit)
        split = columns_of(join.at(plan[join.step].joins, join.indexes))
        rows = await conn.fetch(q.list_arrivals, *split, offset, limit)
        return [plan.key(join.run_id, row["step"], row["path"], row["index"]) for row in rows]

    async def insert_arrivals(self, conn: asyncpg.Connection, arrivals: Sequence[tuple[Key, int, Key]]) -> None:
        """arrivals: (split, number of the branch, the task that arrived), of undecided joins."""
        _, steps, paths, indexes = columns(task for _, _, task in arrivals)
        splits = columns(split for split, _, _ in arrivals)
        await conn.execute(q.insert_arrivals, *splits, [branch for _, branch, _ in arrivals], steps, paths, indexes)

    async def join_width(self, conn: asyncpg.Connection, plan: Plan, join: Key) -> int:
        """How many tasks a join joins."""
        split = plan[join.step].joins
        if plan[split].transition != "FOREACH":
            return len(plan[split].next)
        return int(await conn.fetchval(q.split_width, *columns_of(join.at(split, join.indexes))) or 0)


def columns_of(key: Key) -> tuple[str, str, str, int]:
    return key.run_id, key.step, key.path, key.index


def task_rows(tasks: Sequence[NewTask], priority: dict[str, int]) -> list[list[Any]]:
    """New tasks as the arrays that the queries take: key, step_no, pool, priority, widths, parent."""
    return [
        *map(list, columns(t.key for t in tasks)),
        [t.step.number for t in tasks],
        [t.step.pool for t in tasks],
        [priority[t.key.run_id] for t in tasks],
        [joined(t.widths) for t in tasks],
        [t.parent for t in tasks],
    ]
