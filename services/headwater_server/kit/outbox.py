"""Events leave with the state change that they tell of: rows of the same transaction, published right after the commit.

What a crash or an outage keeps from being published stays in the table; a relay, one per service, sends it again.
There is no watermark: rows are selected because they are there and deleted because the bus has acknowledged them.
"""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import structlog
from google.protobuf.message import Message

from headwater_server.kit.bus import Bus, StreamMessage
from headwater_server.kit.database import Database
from headwater_server.kit.envelope import OutMessage, encode
from headwater_server.kit.errors import ServiceError

log = structlog.get_logger("kit.outbox")

_INSERT = """
INSERT INTO outbox (id, subject, headers, body)
SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bytea[])"""
_DELETE = "DELETE FROM outbox WHERE id = ANY($1::text[])"
_LEFT = """
SELECT id, subject, headers, body FROM outbox
WHERE created_at < now() - interval '1 second' ORDER BY created_at LIMIT 500"""

_BATCH = 200
_SWEEP = 2.0
_FORGET = """
DELETE FROM inbox WHERE (consumer, event_id) IN (
    SELECT consumer, event_id FROM inbox WHERE at < now() - interval '31 days' LIMIT 5000)"""


class OutboxTransaction:
    """A database transaction that may emit events, and know what to do once it is committed."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self.conn = conn
        self.events: list[OutMessage] = []
        self.committed: list[Callable[[], None]] = []

    def after_commit(self, work: Callable[[], None]) -> None:
        """For nudges: what must happen belongs into the transaction, for this process may die before it gets here."""
        self.committed.append(work)

    def emit(self, event: Message, traceparent: str = "") -> str:
        """Adds an event (a message that declares the event option). Returns its id."""
        return self.add(encode(event, traceparent))

    def add(self, message: OutMessage) -> str:
        """Adds an event that is encoded already. Returns its id."""
        self.events.append(message)
        return message.id


class Outbox:
    def __init__(self, database: Database, bus: Bus, service: str) -> None:
        self._database, self._bus = database, bus
        self._lock = zlib.crc32(f"outbox:{service}".encode())
        self._pending: list[OutMessage] = []
        self._published: list[str] = []
        self._wake = asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[OutboxTransaction]:
        async with self._database.transaction() as conn:
            tx = OutboxTransaction(conn)
            yield tx
            if tx.events:
                await conn.execute(
                    _INSERT,
                    [e.id for e in tx.events],
                    [e.subject for e in tx.events],
                    [e.headers for e in tx.events],
                    [e.body for e in tx.events],
                )
        if tx.events:
            self._pending += tx.events
            self._wake.set()
        for work in tx.committed:
            work()

    async def publish_loop(self) -> None:
        """Publishes what transactions of this process have committed, in their order."""
        while True:
            if not self._pending:
                self._wake.clear()
                await self._wake.wait()
            batch, self._pending = self._pending[:_BATCH], self._pending[_BATCH:]
            try:
                await self._send(batch)
                self._published += [e.id for e in batch]
            except (ServiceError, OSError) as error:
                log.warning("left to the relay", events=len(batch), error=str(error))

    async def clean_loop(self) -> None:
        """Deletes acknowledged rows a little later, many at a time, away from the path of requests."""
        while True:
            await asyncio.sleep(0.2)
            if self._published:
                done, self._published = self._published, []
                try:
                    await self._database.execute(_DELETE, done)
                except Exception as error:
                    self._published += done
                    log.warning("cannot delete published events", error=str(error))

    async def relay_loop(self) -> None:
        """Sends what was left behind, by any process of this service. One relay at a time."""
        rounds = 0
        while True:
            await asyncio.sleep(_SWEEP)
            rounds += 1
            try:
                if rounds % 1800 == 1:
                    await self._database.execute(_FORGET)
                while await self._relay():
                    pass
            except (ServiceError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("relay waits", error=str(error))

    async def _relay(self) -> bool:
        own = {e.id for e in self._pending} | set(self._published)
        async with self._database.transaction() as conn:
            if not await conn.fetchval("SELECT pg_try_advisory_xact_lock($1)", self._lock):
                return False
            rows = [r for r in await conn.fetch(_LEFT) if r["id"] not in own]
            if not rows:
                return False
            await self._send([OutMessage(r["id"], r["subject"], r["headers"], r["body"]) for r in rows])
            await conn.execute(_DELETE, [r["id"] for r in rows])
            log.info("relayed", events=len(rows))
            return len(rows) > 1

    async def _send(self, events: list[OutMessage]) -> None:
        await self._bus.publish_batch([StreamMessage(e.subject, e.body, e.id, e.headers) for e in events])
