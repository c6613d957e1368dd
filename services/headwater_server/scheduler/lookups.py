"""Takes results of earlier runs over into tasks that wait for it, window by window: a foreach of any width stays small
in memory. What reuse.py says is read and written here; a result that does is settled like any other.

Only runs with `reuse` have such tasks; for all others nothing here reads a row.
"""

import asyncio
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import structlog

from headwater_server.kit.database import CONFLICT, LOST
from headwater_server.kit.errors import ServiceError
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.scheduler.assignments import RunInfo
from headwater_server.scheduler.endings import Endings
from headwater_server.scheduler.keys import Key, numbers
from headwater_server.scheduler.reuse import (
    WIDEST_JOIN,
    Given,
    Manifest,
    comparable,
    looked_up,
    parsed,
    same_parameters,
    taken_over,
    usable,
)
from headwater_server.scheduler.settle import NewTask
from headwater_server.scheduler.settlement import Completion, Settlement
from headwater_server.scheduler.states import RunState
from headwater_server.scheduler.store import Store, columns, columns_of, q, task_rows

log = structlog.get_logger("scheduler.lookups")
WINDOW = 256
# Of the earlier runs with other parameters, and of those with the same: as many are looked at.
MOST_RUNS = 10
_REMEMBERED = 1000


@dataclass(frozen=True)
class Waiting:
    """A task that may be taken over."""

    info: RunInfo
    key: Key
    widths: tuple[int, ...]
    parent: str


@dataclass
class _Window:
    """What one transaction has read of results, each once."""

    attempts: dict[Key, int] = field(default_factory=dict)
    manifests: dict[Key, Manifest | None] = field(default_factory=dict)


class Lookups:
    def __init__(
        self, outbox: Outbox, store: Store, endings: Endings, wake_pool: Callable[[str], None], secret: str
    ) -> None:
        self._outbox, self._store, self._endings = outbox, store, endings
        self._wake_pool, self._secret = wake_pool, secret
        self._more = asyncio.Event()
        # Run → the runs to look in; they do not change once it has begun.
        self._sources: OrderedDict[str, list[RunInfo]] = OrderedDict()

    def wake(self) -> None:
        """There are tasks to look for."""
        self._more.set()

    async def loop(self) -> None:
        while True:
            with suppress(TimeoutError):  # another replica may have left something
                async with asyncio.timeout(1.0):  # wait_for of Python 3.11 may swallow the cancel that ends this loop
                    await self._more.wait()
            self._more.clear()
            try:
                while await self._round():
                    pass
            except (*LOST, *CONFLICT, ServiceError) as error:
                log.warning("cannot look for earlier results", error=str(error))
                await asyncio.sleep(0.2)

    async def _round(self) -> bool:
        """Is there perhaps more to do?"""
        if not await self._store.database.fetch(q.reusing_runs):
            return False
        async with self._outbox.transaction() as tx:
            await tx.conn.execute(q.lock_lookups)
            found = [str(row["run_id"]) for row in await tx.conn.fetch(q.reusing_runs)]
            locked = await tx.conn.fetch(q.lock_runs, found)
            live = [str(row["run_id"]) for row in locked if row["state"] == RunState.RUNNING]
            if not live:
                return False
            left, busy = WINDOW, True
            while busy and left > 0:  # step after step, as long as they are narrow
                opened = await self._open(tx, live)
                rows = await tx.conn.fetch(q.waiting_tasks, live, max(1, left // len(live)))
                await self._settle(tx, await self._waiting(rows, tx.conn))
                left, busy = left - len(rows), bool(opened or rows)
        return busy

    async def _waiting(self, rows: Sequence[Any], conn: asyncpg.Connection) -> list[Waiting]:
        found: list[Waiting] = []
        for row in rows:
            info = await self._store.info(str(row["run_id"]), conn)
            try:
                key = await self._store.key_of(row, conn)
            except (KeyError, ValueError):  # it does not fit its graph; who hands it out breaks the run off
                await conn.execute(q.let_run, [info.run_id], [row["step"]], [row["path"]], [row["index"]])
                continue
            found.append(Waiting(info, key, numbers(row["widths"]), row["parent"]))
        return found

    # Branches: of a run that takes results over, they are made here and not where tasks are handed out.

    async def _open(self, tx: OutboxTransaction, runs: list[str]) -> int:
        rows = await tx.conn.fetch(q.splits_to_open, runs, WINDOW)
        made: list[NewTask] = []
        moved: dict[Key, int] = {}
        for row in rows:
            split = await self._store.key_of(row, tx.conn)
            plan = (await self._store.info(split.run_id, tx.conn)).plan
            target, gang = plan[row["target"]], plan[split.step].gang
            share = row["width"] if gang else max(1, WINDOW // len(rows))
            if row["backlog"] >= WINDOW:
                continue
            upto = min(row["width"], row["next_index"] + share)
            for index in range(row["next_index"], upto):
                key = split.at(target.name, (*split.indexes, index))
                made.append(NewTask(key, target, numbers(row["widths"]), split.step))
            moved[split] = upto
        if moved:
            await tx.conn.execute(q.advance_splits, *columns(moved), list(moved.values()))
            priority = {key.run_id: (await self._store.info(key.run_id, tx.conn)).priority for key in moved}
            await tx.conn.execute(q.insert_branches, *task_rows(made, priority))
            await self.hold_back(tx.conn, made)
            self._wake_after(tx, {task.step.pool for task in made})
        return len(moved)

    async def hold_back(self, conn: asyncpg.Connection, tasks: Sequence[NewTask]) -> None:
        """New tasks are not handed out before it was looked whether an earlier result does for them."""
        infos = {task.key.run_id: await self._store.info(task.key.run_id, conn) for task in tasks}
        if held := [task.key for task in tasks if looked_up(infos[task.key.run_id].reuse, task.step)]:
            await conn.execute(q.hold_back, *columns(held))

    def _wake_after(self, tx: OutboxTransaction, pools: set[str]) -> None:
        def wake() -> None:
            for pool in pools:
                self._wake_pool(pool)

        tx.after_commit(wake)

    # Decisions

    async def _settle(self, tx: OutboxTransaction, waiting: list[Waiting]) -> None:
        if not waiting:
            return
        found = await self._decide(tx.conn, waiting)
        if found:
            keys = [completion.key for completion, _ in found]
            origins = [completion.origin for completion, _ in found]
            await tx.conn.fetch(q.begin_taking_over, *columns(keys), origins)
            infos = {w.key.run_id: w.info for w in waiting}
            settlement = Settlement(
                tx, self._store, self._endings, infos, lambda pool: False, lambda pool, limit: True, self._secret
            )
            await settlement.settle([completion for completion, _ in found])
            await tx.conn.execute(q.end_taking_over, *columns(keys), [source for _, source in found])
            self._wake_after(tx, settlement.pools)
        taken = {completion.key for completion, _ in found}
        if left := [w for w in waiting if w.key not in taken]:
            await tx.conn.execute(q.let_run, *columns(w.key for w in left))
            self._wake_after(tx, {w.info.plan[w.key.step].pool for w in left})

    async def _decide(self, conn: asyncpg.Connection, waiting: list[Waiting]) -> list[tuple[Completion, uuid.UUID]]:
        """What is taken over, with the run that it comes from; ordered by run."""
        waiting = sorted(waiting, key=lambda w: w.key.run_id)
        sources = [await self._runs_for(w, conn) for w in waiting]
        rows = await conn.fetch(
            q.earlier_results,
            [w.key.step for w in waiting],
            [w.key.path for w in waiting],
            [w.key.index for w in waiting],
            [" ".join(info.run_id for info in infos) for infos in sources],
            [w.info.reuse is None or w.info.reuse.mode != "cached" for w in waiting],
        )
        window, found = _Window(), dict[int, tuple[Completion, uuid.UUID]]()
        await self._load(conn, [waiting[n] for n in dict.fromkeys(row["n"] - 1 for row in rows)], window)
        for row in rows:
            n = row["n"] - 1
            if n in found or not usable(_step(waiting[n]), row["foreach_width"], row["chosen"]):
                continue
            source = next(info for info in sources[n] if info.run_id == str(row["run_id"]))
            try:
                result = await self._result(conn, waiting[n], source, row["result"] or b"", window)
            except (KeyError, ValueError, TypeError, AttributeError) as error:
                log.warning("a result is no manifest", task=str(waiting[n].key), source=source.run_id, error=str(error))
                continue
            if result is not None:
                chosen = (row["chosen"],) if row["chosen"] else ()
                found[n] = (
                    Completion(
                        waiting[n].key, 0, None, result, row["foreach_width"], chosen, origin=str(row["origin"])
                    ),
                    row["run_id"],
                )
        held = {row["run_id"] for row in await conn.fetch(q.hold_sources, list({run for _, run in found.values()}))}
        return [found[n] for n in sorted(found) if found[n][1] in held]

    async def _runs_for(self, task: Waiting, conn: asyncpg.Connection) -> list[RunInfo]:
        info, reuse = task.info, task.info.reuse
        if reuse is None:
            return []
        found = self._sources.get(info.run_id)
        if found is None:
            found = self._sources[info.run_id] = await self._look_in(info, conn)
            if len(self._sources) > _REMEMBERED:
                self._sources.popitem(last=False)
        return [each for each in found if comparable(reuse.mode, info.plan, each.plan, task.key.step)]

    async def _look_in(self, info: RunInfo, conn: asyncpg.Connection) -> list[RunInfo]:
        """The origin of a resumed run; of a cached one, runs with the same parameters first."""
        if info.reuse is not None and info.reuse.mode != "cached":
            try:
                return [await self._store.info(info.origin_run_id, conn)]
            except ServiceError:
                return []  # it was deleted meanwhile
        rows = await conn.fetch(q.runs_to_look_in, info.project, info.flow, uuid.UUID(info.run_id))
        found = [self._store.remember(row, await self._store.plan(row["graph_digest"], conn)) for row in rows]
        same = [each for each in found if each.parameters == info.parameters]
        return [*same[:MOST_RUNS], *[each for each in found if each not in same][:MOST_RUNS]]

    async def _load(self, conn: asyncpg.Connection, tasks: list[Waiting], window: _Window) -> None:
        """The results of what plain tasks follow, and of the foreach steps that they are in."""
        wanted: dict[Key, None] = {}
        for task in tasks:
            wanted.update(dict.fromkeys(key for key in (_parent(task), _split(task)) if key is not None))
        await self._read(conn, list(wanted), window)

    async def _read(self, conn: asyncpg.Connection, keys: list[Key], window: _Window) -> None:
        missing = [key for key in keys if key not in window.attempts]
        if missing:
            for row in await conn.fetch(q.load_results, *columns(missing)):
                key = missing[row["n"] - 1]
                window.attempts[key] = row["attempt"]
                window.manifests[key] = parsed(row["result"] or b"")

    async def _result(
        self, conn: asyncpg.Connection, task: Waiting, source: RunInfo, earlier: bytes, window: _Window
    ) -> bytes | None:
        info, reuse, step = task.info, task.info.reuse, _step(task)
        assert reuse is not None
        if reuse.mode == "resume":
            whole = await self._all_before_taken_over(conn, task, window) and await self._whole(conn, task, source)
            return earlier if whole else None
        split = _split(task)
        items = (window.manifests.get(split) or {}).get("items", []) if split is not None else []
        given = Given(await self._inputs(conn, task, window), items, task.key.index)
        environment = info.code.get("environment", "") if reuse.mode == "cached" else None
        around = info.plan.foreach_steps(step)
        same = same_parameters(reuse, info.parameters, source.parameters)
        return taken_over(step, around, earlier, given, same, environment)

    async def _inputs(self, conn: asyncpg.Connection, task: Waiting, window: _Window) -> list[Manifest] | None:
        keys = [key] if (key := _parent(task)) is not None else []
        if _step(task).joins:
            width = await self._store.join_width(conn, task.info.plan, task.key)
            if width > WIDEST_JOIN:
                return None
            keys = await self._store.joined(conn, task.info.plan, task.key, width)
        await self._read(conn, keys, window)
        found = [window.manifests.get(key) for key in keys]
        return None if None in found else [each for each in found if each is not None]

    async def _all_before_taken_over(self, conn: asyncpg.Connection, task: Waiting, window: _Window) -> bool:
        """Was everything that a task depends on taken over? What was has no attempt."""
        step, key, plan = _step(task), task.key, task.info.plan
        if not step.joins:
            parent = _parent(task)
            return parent is None or window.attempts.get(parent) == 0
        split = key.at(step.joins, key.indexes)
        if step.name in plan.undecided:
            return bool(await conn.fetchval(q.arrivals_taken_over, *columns_of(split)))
        if plan[step.joins].transition == "FOREACH":
            first = plan.joined_by(key, 1)[0]
            return bool(await conn.fetchval(q.all_taken_over, first.run_id, first.step, first.path))
        keys = plan.joined_by(key, len(plan[step.joins].next))
        await self._read(conn, keys, window)
        return all(window.attempts.get(each) == 0 for each in keys)

    async def _whole(self, conn: asyncpg.Connection, task: Waiting, source: RunInfo) -> bool:
        """A gang of which some members have to run runs as a whole."""
        if not _step(task).member:
            return True
        done = await conn.fetchval(q.whole_gang, source.run_id, task.key.step, task.key.path)
        return done == task.widths[-1]


def _step(task: Waiting) -> Any:
    return task.info.plan[task.key.step]


def _parent(task: Waiting) -> Key | None:
    return None if _step(task).joins else task.info.plan.parent_of(task.key, task.parent)


def _split(task: Waiting) -> Key | None:
    """The task that opened the innermost foreach around this one."""
    around = task.info.plan.foreach_steps(_step(task))
    if not around:
        return None
    return Key(task.key.run_id, around[-1].name, task.key.indexes[:-1], task.key.loops[: len(around[-1].opens) + 1])
