"""Hands ready tasks to the workers of a pool: as many as it has free slots, in the order that admission.py says.

Postgres decides and commits, then the messages go to HW_TASKS. One that gets lost is sent again under the next attempt
when its lease lapses. A pool is handed out by one scheduler at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import msgspec
import structlog

from headwater_server.kit.bus import Bus
from headwater_server.kit.database import CONFLICT, LOST, Database
from headwater_server.kit.errors import ServiceError
from headwater_server.scheduler.admission import Candidate, Room, pick
from headwater_server.scheduler.assignments import Dispatch, build
from headwater_server.scheduler.candidates import Candidates, Inconsistent
from headwater_server.scheduler.keys import Key, numbers
from headwater_server.scheduler.needs import Need
from headwater_server.scheduler.settle import NewTask
from headwater_server.scheduler.store import MissingResult, Store, columns, q, task_rows

log = structlog.get_logger("scheduler.dispatch")
# Branches of a foreach that get rows at a time.
WINDOW = 256
# Candidates of a round at most, about: see ready_tasks.
SHOWN = 1000


class Dispatcher:
    def __init__(self, bus: Bus, database: Database, store: Store, secret: str, pickup: float) -> None:
        """pickup: seconds within which a worker must have said that it holds what was handed out."""
        self._bus, self._database, self._store = bus, database, store
        self._secret, self._pickup = secret, pickup
        self._changed: dict[str, asyncio.Event] = {}
        self._contended: dict[str, bool] = {}
        self._slots: dict[str, int] = {}
        self._publishing: set[asyncio.Task[None]] = set()
        self._candidates = Candidates(store)
        self.on_broken: Callable[[str, str], Awaitable[None]] = _ignore
        self.on_new_pool: Callable[[str], None] = lambda pool: None

    def wake(self, pool: str) -> None:
        """Something may be handed out in this pool now."""
        if pool not in self._changed:
            self._changed[pool] = asyncio.Event()
            self.on_new_pool(pool)
        self._changed[pool].set()

    def fair(self, pool: str) -> bool:
        """May a foreach of one run go on in a slot that it has, because nobody else waits for one?"""
        return not self._contended.get(pool, False)

    def binds(self, pool: str, limit: int) -> bool:
        """Does max_workers mean anything there? Not where it is no less than all slots: no more tasks run at once."""
        return limit > 0 and not 0 < self._slots.get(pool, 0) <= limit

    async def loop(self, pool: str) -> None:
        while True:
            await self._changed[pool].wait()
            self._changed[pool].clear()
            try:
                await self._round(pool)
            except (*LOST, *CONFLICT) as error:
                log.warning("cannot hand out", pool=pool, error=str(error))
                await asyncio.sleep(0.2)
                self._changed[pool].set()
            except Inconsistent as error:
                log.error("run fails, so that it holds up no other", pool=pool, run=error.run_id, error=error.why)
                await self._break_off(error)
                self._changed[pool].set()

    async def _break_off(self, error: Inconsistent) -> None:
        try:
            await self.on_broken(error.run_id, error.why)
        except (*LOST, *CONFLICT, ServiceError) as problem:
            log.warning("cannot fail a run yet", run=error.run_id, error=str(problem))
            await asyncio.sleep(0.2)

    async def _round(self, pool: str) -> None:
        async with self._database.transaction() as conn:
            await conn.execute(q.lock_pool, pool)
            free, whole = (await conn.fetchrow(q.pool_room, pool)) or (0, 0)
            self._slots[pool] = whole
            if free <= 0:
                self._contended[pool] = bool(await conn.fetchval(q.contended, pool))
                return
            candidates = await self._candidates.read(conn, pool)
            if not candidates:
                self._contended[pool] = False
                return
            limits = await self._candidates.limits(conn, candidates)
            spots = await self._candidates.spots(conn, pool, candidates, whole)
            room = Room(min(free, WINDOW), whole, limits=limits, spots=spots)
            chosen = pick(candidates, room, await self._candidates.max_workers(conn, candidates, whole))
            self._contended[pool] = room.kept or _others_wait(candidates, chosen)
            await conn.fetch(q.lock_runs, sorted({c.run_id for c, _ in chosen}))
            made = await self._branches(
                conn, {c.item[1]: count * c.size for c, count in chosen if c.item[0] == "split"}
            )
            ready = [(c, made.get(c.item[1], []) if c.item[0] == "split" else c.item[1]) for c, _ in chosen]
            placed = {key: (s, c.need) for c, keys in ready for key, s in zip(keys, c.sessions, strict=False)}
            messages = await self._assign(conn, [key for _, keys in ready for key in keys], placed)
        for message, session in messages:
            self._publish(pool, message, session)
        if len(messages) == WINDOW or (messages and len(messages) < free and len(candidates) >= SHOWN):
            self._changed[pool].set()

    async def _branches(self, conn: asyncpg.Connection, wanted: dict[Key, int]) -> dict[Key, list[Key]]:
        """Makes the next tasks of open foreach steps. Their counters are read again: the runs are locked only now."""
        if not wanted:
            return {}
        made: list[NewTask] = []
        branches: dict[Key, list[Key]] = {}
        moved: dict[Key, int] = {}
        for row in await conn.fetch(q.read_splits, *columns(wanted)):
            split = await self._store.key_of(row, conn)
            target = (await self._store.info(split.run_id, conn)).plan[row["target"]]
            upto = min(row["width"], row["next_index"] + wanted[split])
            widths = numbers(row["widths"])
            for index in range(row["next_index"], upto):
                key = split.at(target.name, (*split.indexes, index))
                made.append(NewTask(key, target, widths, split.step))
                branches.setdefault(split, []).append(key)
            moved[split] = upto
        priority = {key.run_id: (await self._store.info(key.run_id, conn)).priority for key in moved}
        await conn.execute(q.advance_splits, *columns(moved), list(moved.values()))
        await conn.execute(q.insert_branches, *task_rows(made, priority))
        return branches

    async def _assign(
        self, conn: asyncpg.Connection, ready: list[Key], placed: dict[Key, tuple[str, Need]]
    ) -> list[tuple[dict[str, Any], str]]:
        """The messages, each with the session that it is for; "": any worker may have it."""
        rows = await conn.fetch(q.dispatch_tasks, *columns(ready), self._pickup)
        dispatches: list[tuple[Dispatch, str]] = []
        await self._hold_limits(conn, ready)
        if placed:
            sessions, needs = zip(*placed.values(), strict=True)
            given = [need.gpus for need in needs], [need.memory_mb for need in needs]
            await conn.execute(q.place_tasks, *columns(placed), list(sessions), *given)
        for row in rows:
            info = await self._store.info(str(row["run_id"]), conn)
            caught = row["failure"] if row["caught"] else None
            key, widths = await self._store.key_of(row, conn), numbers(row["widths"])
            dispatches.append((Dispatch(info, key, row["attempt"], row["retry_count"], widths, caught), row["parent"]))
        try:
            inputs = await self._store.inputs(conn, dispatches, {})
        except MissingResult as error:
            raise Inconsistent(error.key.run_id, str(error)) from None
        return [
            (build(dispatch, given, width, self._secret), placed[dispatch.key][0] if dispatch.key in placed else "")
            for (dispatch, _), (given, width) in zip(dispatches, inputs, strict=True)
        ]

    async def _hold_limits(self, conn: asyncpg.Connection, ready: list[Key]) -> None:
        held = [(key, (await self._store.info(key.run_id, conn)).plan[key.step].limits) for key in ready]
        if limited := [(key, limits) for key, limits in held if limits]:
            names = [" ".join(limits) for _, limits in limited]
            await conn.execute(q.hold_limits, *columns(key for key, _ in limited), names)

    def _publish(self, pool: str, message: dict[str, Any], session: str) -> None:
        task = asyncio.create_task(self._tell(pool, session, message) if session else self._send(pool, message))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)

    async def _tell(self, pool: str, session: str, message: dict[str, Any]) -> None:
        """Gives a task to the worker that it was placed on. One that this does not reach does not name the task in its
        heartbeats, which has it handed out again."""
        try:
            await self._bus.publish(f"hw.ctl.v1.{pool}.{session}", msgspec.json.encode({"run": [message]}))
        except (ServiceError, OSError) as error:
            log.warning("left to the next heartbeats", session=session, error=str(error))

    async def _send(self, pool: str, message: dict[str, Any]) -> None:
        """Tries as long as the lease lasts; after that the attempt is void anyway."""
        key = message["key"]
        name = f"{key['runId']}/{key['step']}/{key.get('path', '')}/{key.get('index', 0)}/{message['attempt']}"
        body = msgspec.json.encode(message)
        deadline = asyncio.get_running_loop().time() + self._pickup * 0.8
        while True:
            try:
                await self._bus.publish_stream(f"hw.task.v1.{pool}", body, msg_id=name, timeout=2.0)
                return
            except (ServiceError, OSError) as error:
                if asyncio.get_running_loop().time() > deadline:
                    log.warning("left to the sweep", task=name, error=str(error))
                    return
                await asyncio.sleep(0.1)


async def _ignore(run_id: str, why: str) -> None:
    del run_id, why


def _others_wait(candidates: list[Candidate], chosen: list[tuple[Candidate, int]]) -> bool:
    """Does more than one run want slots, and did some get none? Who waits for more than a slot does not count."""
    wanted = [c for c in candidates if not c.need]
    taken = sum(count for c, count in chosen if not c.need)
    return sum(c.count for c in wanted) > taken and len({c.run_id for c in wanted}) > 1
