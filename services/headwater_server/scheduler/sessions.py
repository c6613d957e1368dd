"""Workers and what they hold: sessions, heartbeats, leases, claims.

A session's heartbeat extends the lease of all that it holds, with one row. What a worker holds but should not, it is
told to drop; what it should hold but does not is handed out again. Only the database's clock counts.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog

from headwater_server.kit.bus import Bus
from headwater_server.kit.errors import InvalidArgument, ServiceError
from headwater_server.kit.ids import uuid7
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.scheduler import facts
from headwater_server.scheduler.assignments import key_json
from headwater_server.scheduler.endings import Endings
from headwater_server.scheduler.fanout import is_wide
from headwater_server.scheduler.graph import POOL
from headwater_server.scheduler.keys import Key, numbers
from headwater_server.scheduler.store import Store, columns, q

log = structlog.get_logger("scheduler.sessions")
Attempt = tuple[Key, int]
GiveBack = Callable[[list[Attempt], bool], Awaitable[None]]
MOST_SLOTS = 1024
MOST_GPUS = 64


@dataclass(frozen=True)
class Has:
    """What a worker has for tasks besides slots. gang_slots: members of one gang that it takes at a time."""

    gpus: int = 0
    memory_mb: int = 0
    cpus: float = 0.0
    gang_slots: int = 0

    def check(self) -> None:
        """Raises InvalidArgument."""
        for field, most in (("gpus", MOST_GPUS), ("gang_slots", MOST_SLOTS), ("memory_mb", 1 << 40), ("cpus", 1 << 20)):
            if not 0 <= (number := getattr(self, field)) <= most:
                raise InvalidArgument(f"{field}: {number:g} is not between 0 and {most}", field=field)


class Sessions:
    def __init__(
        self,
        bus: Bus,
        outbox: Outbox,
        store: Store,
        endings: Endings,
        wake: Callable[[str], None],
        give_back: GiveBack,
        bury: Callable[[str], Awaitable[None]],
        *,
        beat: float,
        lease: float,
    ) -> None:
        """beat: seconds between heartbeats; lease: seconds that one of them is good for; give_back(attempts, lost):
        hands attempts out again; bury(session): what it had is lost with its worker."""
        self._bury = bury
        self._bus, self._outbox, self._store, self._endings = bus, outbox, store, endings
        self._wake, self._give_back = wake, give_back
        self.beat, self.lease = beat, lease

    async def open(
        self, pool: str, name: str, slots: int, labels: dict[str, str], address: str = "", has: Has | None = None
    ) -> str:
        """A new session's id."""
        has = has or Has()
        if not 1 <= slots <= MOST_SLOTS:
            raise InvalidArgument(f"slots: {slots} is not between 1 and {MOST_SLOTS}", field="slots")
        has.check()
        if not POOL.fullmatch(pool):
            raise InvalidArgument(f"pool: {pool!r} is no name of a pool", field="pool", hint="letters, digits, _ and -")
        session = uuid7()
        who = session, pool, name.replace("\0", "")[:200], slots, labels, self.lease, address[:200]
        await self._store.database.execute(q.open_session, *who, has.gpus, has.memory_mb, has.cpus, has.gang_slots)
        log.info("worker joined", session=session, pool=pool, name=name, slots=slots)
        self._wake(pool)
        return session

    async def close(self, session: str, lost: bool = False) -> None:
        """What the session held is handed out again at once. lost: its worker has died with it."""
        held = await self._held(session)
        if lost:
            await self._bury(session)
        pool = await self._store.database.fetchval(q.close_session, session)
        if pool is not None:
            log.info("worker left", session=session, held=len(held), lost=lost)
            if not lost:
                await self._give_back(held, False)
            self._wake(pool)

    async def give_back(self, session: str, attempts: list[Attempt]) -> None:
        """Those of the attempts that the session has are handed out again: it will not begin them."""
        mine = set(await self._held(session))
        await self._give_back([each for each in attempts if each in mine], False)

    async def claim(self, key: Key, attempt: int, session: str) -> bool:
        """May this session begin the attempt? False: it is over, void or somebody else's."""
        args = (key.run_id, key.step, key.path, key.index, attempt, session)
        return await self._store.database.fetchval(q.claim, *args) is not None

    async def main_address(self, key: Key) -> str:
        """Of a member of a gang: where the first one runs; "": nobody has begun it, or the task is in no gang."""
        if not (await self._store.info(key.run_id)).plan[key.step].member:
            return ""
        return await self._store.database.fetchval(q.main_address, key.run_id, key.step, key.path) or ""

    async def live(self, key: Key, attempt: int) -> bool:
        args = (key.run_id, key.step, key.path, key.index, attempt)
        return await self._store.database.fetchval(q.live_attempt, *args) is not None

    async def heartbeat(self, subject: str, body: dict[str, Any]) -> None:
        """hw.hb.v1.<pool>.<session>: {sessionId, free, held: [{key, attempt}]}."""
        pool, session = subject.split(".")[3:5]
        row = await self._store.database.fetchrow(q.beat, session, int(body.get("free", 0)), self.lease)
        if row is None:
            await self._bus.publish(f"hw.ctl.v1.{pool}.{session}", b'{"reopen":true}')
            return
        held, void = await self._attempts(body.get("held", []))
        kept = await self._take_hold(session, row["name"], held) if held else set()
        void += [{"key": key_json(key), "attempt": attempt} for key, attempt in held if (key, attempt) not in kept]
        if void:
            await self._endings.drop(pool, session, void)
        said = set(held)
        missing = [each for each, settled in await self._rows(session) if settled and each not in said]
        if missing:
            log.warning("handed out again: the worker does not have them", session=session, tasks=len(missing))
            await self._give_back(missing, False)
        if int(body.get("free", 0)) > 0:
            self._wake(row["pool"])

    async def _take_hold(self, session: str, worker: str, held: list[Attempt]) -> set[Attempt]:
        """Those that it may keep. Writes only what is news: most heartbeats say what the last one said."""
        wanted = columns(k for k, _ in held), [a for _, a in held]
        kept: set[Attempt] = set()
        news: list[Attempt] = []
        for row in await self._store.database.fetch(q.read_hold, session, *wanted[0], wanted[1], self.beat):
            attempt = held[row["n"] - 1]
            kept.add(attempt)
            if not row["own"] or (not row["announced"] and _worth_telling(row)):
                news.append(attempt)
        if news:
            async with self._outbox.transaction() as tx:
                await self._take(tx, session, worker, news)
        return kept

    async def _take(self, tx: OutboxTransaction, session: str, worker: str, news: list[Attempt]) -> None:
        await tx.conn.fetch(q.lock_runs, sorted({key.run_id for key, _ in news}))
        rows = await tx.conn.fetch(q.take_hold, session, *columns(k for k, _ in news), [a for _, a in news], self.beat)
        told: list[Key] = []
        for row in rows:
            key, attempt = news[row["n"] - 1]
            if row["announced"] or not _worth_telling(row):
                continue
            told.append(key)
            seq = int(await tx.conn.fetchval(q.next_seq, key.run_id, 1) or 0)
            info = await self._store.info(key.run_id, tx.conn)
            tx.add(facts.task_started(info, key, attempt, row["started_at"], seq, worker))
        if told:
            await tx.conn.execute(q.announce, *columns(told))

    async def _held(self, session: str) -> list[Attempt]:
        return [each for each, _ in await self._rows(session)]

    async def _rows(self, session: str) -> list[tuple[Attempt, bool]]:
        """What a session has, and whether it has had it for so long that its heartbeats must name it."""
        found: list[tuple[Attempt, bool]] = []
        for row in await self._store.database.fetch(q.held_by, session, 2 * self.beat):
            found.append(((await self._store.key_of(row), row["attempt"]), row["settled"]))
        return found

    async def _attempts(self, said: list[dict[str, Any]]) -> tuple[list[Attempt], list[dict[str, Any]]]:
        """The attempts that a heartbeat names, and what cannot be one of ours. That costs no worker its lease."""
        held: list[Attempt] = []
        void: list[dict[str, Any]] = []
        for item in said:
            try:
                held.append((await self.parse_key(item.get("key", {})), int(item.get("attempt", 0))))
            except ServiceError:
                void.append(item)
        return held, void

    async def parse_key(self, body: dict[str, Any]) -> Key:
        """A TaskKey in JSON. Raises NotFound, InvalidArgument."""
        info = await self._store.info(body.get("runId", ""))
        step = info.plan.steps.get(body.get("step", ""))
        if step is None:
            raise InvalidArgument(f"key.step: flow {info.flow} has no step {body.get('step', '')!r}", field="key.step")
        try:
            return info.plan.key(info.run_id, step.name, body.get("path", ""), int(body.get("index", 0)))
        except ValueError as error:
            raise InvalidArgument(f"key: {error}", field="key") from None


def _worth_telling(row: Any) -> bool:
    """The start of a task that is one of very many is worth a fact only when it lasts: see fanout.WIDE."""
    return row["lasts"] or not is_wide(numbers(row["widths"]))
