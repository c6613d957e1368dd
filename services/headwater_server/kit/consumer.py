"""Events in: each is handled once per consumer, in the transaction that remembers it, or ends among the dead letters.

Events of one subject end (one run, one model) are handled in order; different ones side by side.
"""

import asyncio
import contextlib
import traceback
import zlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import structlog
from nats.aio.msg import Msg

from headwater_server.kit.database import LOST
from headwater_server.kit.envelope import Envelope, MalformedEvent
from headwater_server.kit.errors import DeadlineExceeded, InvalidArgument, ServiceError, Unavailable
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.kit.pull import Puller

if TYPE_CHECKING:
    from headwater_server.kit.service import ServiceKit

log = structlog.get_logger("kit.consumer")
EventHandler = Callable[[OutboxTransaction, Envelope], Awaitable[None]]
BatchHandler = Callable[[list[Msg]], Awaitable[None]]
# Ids of those among some events that there is anything to do for.
Wanted = Callable[[Sequence[Envelope]], Awaitable[Collection[str]]]

_SEEN = "INSERT INTO inbox (consumer, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1"
_LANES = 8
_ROOM = 128
# Events that follow one another are sifted together, after so many seconds.
_SIFT = 0.02
_TRIES = 5
_PAUSE = 0.2
_AWAY = (*LOST, Unavailable, DeadlineExceeded, asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


class Failures:
    """How often this process failed on a message. Deliveries do not tell: they grow while a server is away, too."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def count(self, msg: Msg) -> int:
        """Adds one failure; returns how many there were."""
        seq = msg.metadata.sequence.stream
        self._counts[seq] = self._counts.get(seq, 0) + 1
        return self._counts[seq]

    def forget(self, msg: Msg) -> None:
        self._counts.pop(msg.metadata.sequence.stream, None)


def decode(msg: Msg) -> Envelope:
    """The event in a stream's message. Raises MalformedEvent."""
    meta = msg.metadata
    return Envelope.decode(
        msg.subject,
        msg.headers,
        msg.data,
        stream=meta.stream,
        seq=meta.sequence.stream,
        deliveries=meta.num_delivered,
        time=meta.timestamp,
    )


async def dead_letter(kit: "ServiceKit", msg: Msg, reason: str, stack: str = "") -> None:
    """Copies a message to hw.dlq.<service>.<its subject> with the reason, then drops it from its own stream."""
    headers = {k: v for k, v in (msg.headers or {}).items() if not k.startswith("Nats-")}
    meta = msg.metadata
    headers |= {
        "hw-error": " ".join(reason.split())[:1000],
        "hw-stack": msgspec.json.encode(stack[-4000:]).decode(),
        "hw-original-subject": msg.subject,
        "hw-original-stream": meta.stream,
        "hw-original-seq": str(meta.sequence.stream),
        "hw-consumer": meta.consumer,
    }
    msg_id = f"dlq:{meta.stream}:{meta.consumer}:{meta.sequence.stream}"
    await kit.bus.publish_stream(f"hw.dlq.{kit.name}.{msg.subject}", msg.data, msg_id=msg_id, headers=headers)
    await msg.term()
    log.error("dead letter", subject=msg.subject, seq=meta.sequence.stream, consumer=meta.consumer, reason=reason)


async def consume_events(
    kit: "ServiceKit",
    *,
    stream: str,
    durable: str,
    handlers: Mapping[str, EventHandler],
    default: EventHandler | None = None,
    wanted: Wanted | None = None,
) -> Puller:
    """Starts to consume. Handlers are found by event type ("run.started"); an event without one is acknowledged.

    wanted: looks at many events at a time, before there is a transaction for each; the others are acknowledged.
    """
    lanes = [asyncio.Queue[Msg]() for _ in range(_LANES)]
    arrived = asyncio.Queue[Msg]()
    failures = Failures()

    async def work(lane: asyncio.Queue[Msg]) -> None:
        while True:
            msg = await lane.get()
            await _handle(kit, msg, durable, handlers, default, failures)
            puller.wake()

    async def deliver(msg: Msg) -> None:
        await lanes[zlib.crc32(msg.subject.rpartition(".")[2].encode()) % _LANES].put(msg)

    async def sift(wanted: Wanted) -> None:
        gather = Gather(arrived, _ROOM, 0.0, _SIFT)
        while True:
            for msg in await _sifted(await gather.next(), durable, wanted):
                await deliver(msg)
            puller.wake()

    def room() -> int:
        return _ROOM - arrived.qsize() - sum(lane.qsize() for lane in lanes)

    puller = Puller(kit.bus, stream, durable, arrived.put if wanted else deliver, room)
    if wanted is not None:
        kit.loop(f"{durable}-sift", lambda: sift(wanted))
    for number, lane in enumerate(lanes):
        kit.loop(f"{durable}-{number}", lambda lane=lane: work(lane))
    return await puller.start()


async def _sifted(messages: list[Msg], durable: str, wanted: Wanted) -> list[Msg]:
    """Those that are to be handled, in their order; the others are done with."""
    events: dict[int, Envelope] = {}
    for place, msg in enumerate(messages):
        with contextlib.suppress(MalformedEvent):  # whoever handles it says so
            events[place] = decode(msg)
    try:
        found = await wanted(list(events.values()))
    except _AWAY as error:
        log.warning("events wait", consumer=durable, messages=len(messages), error=str(error))
        for msg in messages:
            await _later(msg, 1.0)
        return []
    except Exception as error:  # one of them is to blame, and is found when they are handled one by one
        log.warning("events not sifted", consumer=durable, messages=len(messages), error=str(error))
        return messages
    left: list[Msg] = []
    for place, msg in enumerate(messages):
        if place in events and events[place].id not in found:
            await msg.ack()
        else:
            left.append(msg)
    return left


async def _handle(
    kit: "ServiceKit",
    msg: Msg,
    durable: str,
    handlers: Mapping[str, EventHandler],
    default: EventHandler | None,
    failures: Failures,
) -> None:
    try:
        event = decode(msg)
        handler = handlers.get(event.type, default)
        if handler is not None:
            with kit.tracer.span(
                f"process {event.type}", parent=event.traceparent, kind="consumer", attributes={"hw.event": event.id}
            ):
                async with kit.outbox.transaction() as tx:
                    if await tx.conn.fetchval(_SEEN, durable, event.id):
                        await handler(tx, event)
        failures.forget(msg)
        await msg.ack()
    except (MalformedEvent, InvalidArgument) as error:
        await _give_up(kit, msg, str(error))
    except _AWAY as error:
        log.warning("event waits", subject=msg.subject, consumer=durable, error=str(error))
        await _later(msg, 1.0)
    except Exception as error:
        await _failed(kit, msg, error, failures)


async def _failed(kit: "ServiceKit", msg: Msg, error: Exception, failures: Failures) -> None:
    count = failures.count(msg)
    if count >= _TRIES:
        failures.forget(msg)
        await _give_up(kit, msg, f"{type(error).__name__}: {error}", traceback.format_exc())
    else:
        log.exception("event failed", subject=msg.subject, consumer=msg.metadata.consumer, failures=count)
        await _later(msg, _PAUSE * 3**count)


async def _give_up(kit: "ServiceKit", msg: Msg, reason: str, stack: str = "") -> None:
    try:
        await dead_letter(kit, msg, reason, stack)
    except ServiceError as error:
        log.warning("cannot write the dead letter, trying again", error=str(error))
        await _later(msg, 1.0)


async def _later(msg: Msg, delay: float) -> None:
    try:
        await msg.nak(delay=delay)
    except Exception as error:
        log.debug("nak failed; ack_wait redelivers", error=str(error))


class Gather:
    """Takes many messages at a time out of a queue. After a quiet time they gather for `linger` seconds, and while one
    batch follows another for `busy`: what is done for each batch is done less often then."""

    def __init__(self, queue: asyncio.Queue[Msg], most: int, linger: float, busy: float) -> None:
        self._queue, self._most = queue, most
        self._linger, self._busy = linger, busy
        self._quiet = 0.0

    async def next(self) -> list[Msg]:
        loop = asyncio.get_running_loop()
        messages = [await self._queue.get()]
        if self._queue.empty():
            await asyncio.sleep(self._busy if loop.time() < self._quiet else self._linger)
        while len(messages) < self._most and not self._queue.empty():
            messages.append(self._queue.get_nowait())
        self._quiet = loop.time() + 2 * self._busy
        return messages


async def consume_batches(
    kit: "ServiceKit",
    *,
    stream: str,
    durable: str,
    handler: BatchHandler,
    batch: int = 500,
    linger: float = 0.01,
    busy: float = 0.01,
) -> Puller:
    """Starts to consume many messages at a time. The handler stores all of them (idempotently) or raises; it may
    dead_letter() single ones first. Acknowledged when it returns; a failed batch is tried again message by message.
    linger, busy: see Gather."""
    queue = asyncio.Queue[Msg]()
    failures = Failures()

    async def work() -> None:
        gather = Gather(queue, batch, linger, busy)
        while True:
            await _handle_batch(kit, await gather.next(), durable, handler, failures)
            puller.wake()

    puller = Puller(kit.bus, stream, durable, queue.put, lambda: 2 * batch - queue.qsize())
    kit.loop(durable, work)
    return await puller.start()


async def _handle_batch(
    kit: "ServiceKit", messages: list[Msg], durable: str, handler: BatchHandler, failures: Failures
) -> None:
    try:
        await handler(messages)
        for msg in messages:
            if not msg._ackd:
                await msg.ack()
    except _AWAY as error:
        log.warning("batch waits", consumer=durable, messages=len(messages), error=str(error))
        for msg in messages:
            await _later(msg, 1.0)
    except Exception as error:
        if len(messages) > 1:
            for msg in (m for m in messages if not m._ackd):
                await _handle_batch(kit, [msg], durable, handler, failures)
        elif isinstance(error, MalformedEvent | InvalidArgument):
            await _give_up(kit, messages[0], str(error))
        else:
            await _failed(kit, messages[0], error, failures)
