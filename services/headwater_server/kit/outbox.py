"""Events leave with the state change that they tell of: rows of the same transaction, published right after the commit.

What a crash or an outage keeps from being published stays in the table; a relay, one per service, sends it again.
There is no watermark: rows are selected because they are there and deleted because the bus has acknowledged them.
"""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import structlog
from google.protobuf.message import Message

from headwater_server.kit.bus import Bus, StreamMessage, StreamRefused
from headwater_server.kit.database import Database
from headwater_server.kit.envelope import OutMessage, encode
from headwater_server.kit.errors import DeadlineExceeded, ServiceError, Unavailable

log = structlog.get_logger("kit.outbox")

_INSERT = """
INSERT INTO outbox (id, subject, headers, body)
SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bytea[])"""
_DELETE = "DELETE FROM outbox WHERE id = ANY($1::text[])"
_LEFT = """
SELECT id, subject, headers, body FROM outbox
WHERE created_at < now() - interval '1 second' AND id <> ALL($1::text[]) ORDER BY created_at LIMIT 500"""

_BATCH = 200
# Below this, one by one is cheaper: an atomic batch costs the server about 3 ms, a single publish 0.6.
_WORTH_A_BATCH = 6
_SWEEP = 2.0
# The first event of a while leaves at once; those that follow within this time (seconds) share a publish and its sync.
_PACE = 0.01
_REFUSED_AGAIN = 10.0
_FLUSH = 1.0
_FORGET = """
DELETE FROM inbox WHERE (consumer, event_id) IN (
    SELECT consumer, event_id FROM inbox WHERE at < now() - interval '31 days' LIMIT 5000)"""


class OutboxTransaction:
    """A database transaction that may emit events, and know what to do once it is committed."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self.conn = conn
        self.events: list[OutMessage] = []
        self._stored = 0
        self.committed: list[Callable[[], None]] = []

    def after_commit(self, work: Callable[[], None]) -> None:
        """For nudges: what must happen belongs into the transaction, for this process may die before it gets here."""
        self.committed.append(work)

    def rows(self) -> tuple[list[str], list[str], list[dict[str, str]], list[bytes]]:
        """Columns of the rows that are not stored yet: id, subject, headers, body. Who takes them stores them."""
        left, self._stored = self.events[self._stored :], len(self.events)
        return [e.id for e in left], [e.subject for e in left], [e.headers for e in left], [e.body for e in left]

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
        self._sending: list[OutMessage] = []
        self._published: list[str] = []
        self._refused: dict[str, float] = {}
        self._wake = asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[OutboxTransaction]:
        async with self._database.transaction() as conn:
            tx = OutboxTransaction(conn)
            yield tx
            rows = tx.rows()
            if rows[0]:
                await conn.execute(_INSERT, *rows)
        if tx.events:
            self._pending += tx.events
            self._wake.set()
        for work in tx.committed:
            work()

    async def publish_loop(self) -> None:
        """Publishes what transactions of this process have committed, in their order."""
        loop = asyncio.get_running_loop()
        due = 0.0
        while True:
            if not self._pending:
                self._wake.clear()
                await self._wake.wait()
            await asyncio.sleep(due - loop.time())
            due = loop.time() + _PACE
            self._sending, self._pending = self._pending[:_BATCH], self._pending[_BATCH:]
            try:
                self._published += await self._send(self._sending)
            except (ServiceError, OSError) as error:
                log.warning("left to the relay", events=len(self._sending) + len(self._pending), error=str(error))
                self._pending.clear()
            finally:
                self._sending = []

    async def flush(self) -> None:
        """Before a stop: what can still be published and deleted now. The rest is for the relay of another process."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FLUSH):
                while self._pending or self._sending:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        await self._clean()

    async def clean_loop(self) -> None:
        """Deletes acknowledged rows a little later, many at a time, away from the path of requests."""
        while True:
            await asyncio.sleep(0.2)
            try:
                await self._clean()
            except Exception as error:
                log.warning("cannot delete published events", error=str(error))

    async def _clean(self) -> None:
        done = self._published[:]
        if done:
            await self._database.execute(_DELETE, done)
            del self._published[: len(done)]

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
        """Sends one round of leftovers; was it a full success, so that another may follow at once?"""
        async with self._database.transaction() as conn:
            if not await conn.fetchval("SELECT pg_try_advisory_xact_lock($1)", self._lock):
                return False
            rows = await conn.fetch(_LEFT, self._not_for_the_relay())
            if not rows:
                return False
            sent = await self._send([OutMessage(r["id"], r["subject"], r["headers"], r["body"]) for r in rows])
            await conn.execute(_DELETE, sent)
            log.info("relayed", events=len(sent), left=len(rows) - len(sent))
            return len(sent) == len(rows)

    def _not_for_the_relay(self) -> list[str]:
        """Ids that this process publishes itself, and those that were refused a moment ago."""
        now = asyncio.get_running_loop().time()
        self._refused = {event_id: until for event_id, until in self._refused.items() if until > now}
        return [e.id for e in (*self._pending, *self._sending)] + self._published + list(self._refused)

    async def _send(self, events: list[OutMessage]) -> list[str]:
        """Ids of what the bus has taken: all at once or, where it refuses that, one by one. An event that it refuses
        for good (too large, no right, no stream) holds up no other. Raises ServiceError when the bus is away."""
        messages = [StreamMessage(e.subject, e.body, e.id, e.headers) for e in events]
        if len(messages) >= _WORTH_A_BATCH:
            try:
                await self._bus.publish_atomic(messages)
                return [m.msg_id for m in messages]
            except ServiceError as error:
                if _away(error):
                    raise
                log.info("batch refused, sending one by one", error=error.message, messages=len(messages))
        return await self._send_singly(messages)

    async def _send_singly(self, messages: list[StreamMessage]) -> list[str]:
        sent: list[str] = []
        for m in messages:
            try:
                await self._bus.publish_stream(m.subject, m.payload, msg_id=m.msg_id, headers=m.headers)
                sent.append(m.msg_id)
            except ServiceError as error:
                if _away(error):
                    if sent:
                        return sent
                    raise
                self._refused[m.msg_id] = asyncio.get_running_loop().time() + _REFUSED_AGAIN
                log.error("the bus refuses an event", id=m.msg_id, subject=m.subject, error=error.message)
        return sent


def _away(error: ServiceError) -> bool:
    """Is it the bus that is away, rather than this one message that is refused?"""
    if isinstance(error, StreamRefused) or error.reason == "NO_RESPONDERS":
        return False
    return isinstance(error, Unavailable | DeadlineExceeded)
