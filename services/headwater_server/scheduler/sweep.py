"""What time brings about: attempts whose worker is lost, retries that are due, clocks that strike.

Every replica sweeps; rows, not processes, remember what is due. A sweep that two carry out at once changes nothing
twice.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from headwater_server.kit.bus import Bus
from headwater_server.kit.database import CONFLICT, LOST
from headwater_server.kit.errors import NotFound, Unavailable
from headwater_server.kit.outbox import Outbox
from headwater_server.scheduler.assignments import RunInfo
from headwater_server.scheduler.dispatch import Dispatcher
from headwater_server.scheduler.endings import Endings
from headwater_server.scheduler.gangs import Gangs
from headwater_server.scheduler.keys import Key
from headwater_server.scheduler.retries import MOST_LOST, MOST_UNCLAIMED, never_begun, worker_lost
from headwater_server.scheduler.sessions import Attempt
from headwater_server.scheduler.settlement import Completion, Settled
from headwater_server.scheduler.store import Store, columns_of, q

log = structlog.get_logger("scheduler.sweep")
PERIOD = 1.0


class Sweep:
    def __init__(
        self,
        bus: Bus,
        outbox: Outbox,
        store: Store,
        dispatcher: Dispatcher,
        endings: Endings,
        complete: Callable[[Completion], Awaitable[Settled]],
        expire: Callable[[], Awaitable[None]],
        *,
        beat: float,
        lease: float,
    ) -> None:
        """expire(): cancels runs whose time is over; beat: seconds between heartbeats; lease: seconds that one of them
        is good for."""
        self._expire = expire
        self._bus, self._store, self._dispatcher, self._complete = bus, store, dispatcher, complete
        self._outbox, self._gangs = outbox, Gangs(endings)
        self._beat, self._lease = beat, lease
        self._hearing_since = self._swept = 0.0
        bus.on_reconnect(self._was_deaf)

    def _was_deaf(self) -> None:
        self._hearing_since = time.time()

    def _hears(self) -> bool:
        """Silence means something only to one who could have heard: not while the bus or the database was away, the
        scheduler was stopped, or the machine slept. Until two heartbeats are due, live workers may not have spoken."""
        at = time.time()
        if at - self._swept > PERIOD + self._beat or not self._bus.nc.is_connected:
            self._was_deaf()
        self._swept = at
        return at - self._hearing_since > 2 * self._beat

    async def loop(self) -> None:
        while True:
            try:
                if self._hears():
                    await self._lost()
                await self._expire()
                for row in await self._store.database.fetch(q.pools_with_work):
                    self._dispatcher.wake(row["pool"])
                await self._store.database.execute(q.drop_sessions)
            except (*LOST, *CONFLICT, Unavailable) as error:
                self._was_deaf()
                log.warning("sweep waits", error=str(error))
            await asyncio.sleep(PERIOD)

    async def give_back(self, attempts: list[Attempt], lost: bool) -> None:
        """Hands attempts out again under the next number. lost: their worker vanished with them."""
        for key, attempt in attempts:
            try:
                info = await self._store.info(key.run_id)
            except NotFound:
                continue  # the run has been deleted since
            if info.plan[key.step].member:
                await self._restart(info, key, attempt, lost)
                continue
            pool = await self._store.database.fetchval(q.redispatch, *columns_of(key), attempt, lost)
            if pool is not None:
                self._dispatcher.wake(pool)

    async def _restart(self, info: RunInfo, member: Key, attempt: int, lost: bool) -> None:
        """A gang without one of its members cannot go on; one that nobody has begun is handed out alone."""
        async with self._outbox.transaction() as tx:
            await tx.conn.fetch(q.lock_runs, [member.run_id])
            row = await tx.conn.fetchrow(q.find_attempt, *columns_of(member), attempt)
            if row is None:
                return
            if row["begun"]:
                await self._gangs.restart(tx, info, member, 0.0, retry=False, lost=lost)
            else:
                await tx.conn.fetchval(q.redispatch, *columns_of(member), attempt, lost)
        self._dispatcher.wake(info.plan[member.step].pool)

    async def _lost(self) -> None:
        await self._replace(await self._store.database.fetch(q.find_lost, self._lease))

    async def bury(self, session: str) -> None:
        """The worker of a session is known to be dead: nobody waits for its lease."""
        await self._replace(await self._store.database.fetch(q.lost_with, session))

    async def _replace(self, rows: list[asyncpg.Record]) -> None:
        """Attempts that nobody works on: others follow, but for those that have had too many."""
        for row in rows:
            key, gone = await self._store.key_of(row), row["session_id"] is not None
            log.warning("lost with its worker" if gone else "never picked up", task=str(key), attempt=row["attempt"])
            failure = None
            if gone and row["lost"] >= MOST_LOST:
                failure = worker_lost(row["lost"] + 1)
            elif not gone and row["unclaimed"] >= MOST_UNCLAIMED:
                failure = never_begun(row["unclaimed"] + 1)
            if failure is not None:
                await self._complete(Completion(key, row["attempt"], None, failure=failure))
            else:
                await self.give_back([(key, row["attempt"])], gone)
