"""The only file with subscriptions: facts, foreign events and logs, received once per replica for all who follow them.

Facts come through one consumer per stream (tail.py), so each has its sequence and none is lost. Logs of a run are
subscribed to while somebody follows the run. A fact of a run is handed on only after the log lines that came before it.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from headwater.api.executor.v1 import executor_pb2
from headwater_server.gateway.live.feed import Fact, Feed, Lines
from headwater_server.gateway.live.tail import Tail
from headwater_server.gateway.rest.writing import to_dict
from headwater_server.kit import rpc
from headwater_server.kit.bus import Bus
from headwater_server.kit.envelope import Envelope, MalformedEvent
from headwater_server.kit.errors import ResourceExhausted

log = structlog.get_logger("gateway.hub")
FACTS, FOREIGN = "HW_EVENTS", "HW_EXT"
MOST_FEEDS = 5000
# A stream that nobody follows is left after so long: the next `run` in a row finds it open.
LINGER = 60.0


def fact_of(event: Envelope, stream: str) -> Fact:
    body = {
        "id": event.id,
        "type": event.type,
        "time": event.time.isoformat().replace("+00:00", "Z"),
        "subject": event.subject,
        "project": event.project,
        "source": event.source,
        "data": event.data,
    }
    return Fact(event.seq, stream, event, msgspec.json.encode(body))


class _Logs:
    """The log lines of one run, for its followers."""

    def __init__(self) -> None:
        self.feeds: set[Feed] = set()
        self.subscription: Subscription | None = None

    async def receive(self, msg: Msg) -> None:
        if (chunk := _chunk(msg)) is not None:
            lines = Lines(msg.subject.split(".")[3], chunk, len(msg.data))
            for feed in self.feeds:
                feed.put(lines, lines.size)

    async def caught_up(self) -> None:
        """Returns when what the connection had received before is with the followers."""
        while self.subscription is not None and self.subscription.pending_msgs:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(0)


def _chunk(msg: Msg) -> dict[str, Any] | None:
    try:
        if (msg.headers or {}).get("Content-Type") == rpc.PROTOBUF:
            return to_dict(executor_pb2.LogChunk.FromString(msg.data))
        return msgspec.json.decode(msg.data, type=dict[str, Any])
    except Exception as error:
        log.warning("unreadable log lines", subject=msg.subject, error=str(error))
        return None


class Hub:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._tails = {name: Tail(bus, name, self._deliver) for name in (FACTS, FOREIGN)}
        self._users = dict.fromkeys(self._tails, 0)
        self._open: set[str] = set()
        self._lock = asyncio.Lock()
        self._runs: dict[str, set[Feed]] = {}
        self._projects: dict[str, set[Feed]] = {}
        self._logs: dict[str, _Logs] = {}
        self._feeds: set[Feed] = set()
        self._stopping: set[asyncio.Future[None]] = set()

    @property
    def connections(self) -> int:
        """Grows when the connection to the bus was lost and made again: log lines in between are lost for us."""
        return self._bus.nc.stats["reconnects"]

    async def settle(self) -> None:
        """Returns when the bus knows of every subscription: what is published from now on comes here."""
        await self._bus.nc.flush()

    def position(self, stream: str) -> int:
        return self._tails[stream].position

    @asynccontextmanager
    async def follow_run(self, run_id: str, *, logs: bool) -> AsyncIterator[tuple[Feed, int]]:
        """Everything about a run from now on; and the position in HW_EVENTS up to which it is the past."""
        async with self._feed(FACTS) as feed:
            try:
                if logs:
                    await self._follow_logs(run_id, feed)
                self._runs.setdefault(run_id, set()).add(feed)
                yield feed, self.position(FACTS)
            finally:
                _leave(self._runs, run_id, feed)
                if logs:
                    await self._leave_logs(run_id, feed)

    @asynccontextmanager
    async def follow_project(self, token: str, *, foreign: bool) -> AsyncIterator[tuple[Feed, dict[str, int]]]:
        """Facts of a project, and foreign events if wanted; and the positions up to which they are the past."""
        async with self._feed(FACTS, *((FOREIGN,) if foreign else ())) as feed:
            keys = [FACTS + token, *((FOREIGN + token,) if foreign else ())]
            try:
                for key in keys:
                    self._projects.setdefault(key, set()).add(feed)
                yield feed, {name: self.position(name) for name in self._tails}
            finally:
                for key in keys:
                    _leave(self._projects, key, feed)

    async def close(self) -> None:
        """Cuts all followers off."""
        for feed in list(self._feeds):
            feed.close()
        for name in list(self._open):
            await self._tails[name].stop()
        self._open.clear()

    @asynccontextmanager
    async def _feed(self, *streams: str) -> AsyncIterator[Feed]:
        if len(self._feeds) >= MOST_FEEDS:
            raise ResourceExhausted(
                f"{MOST_FEEDS} streams of events are open already", hint="Close some, or run more gateways."
            )
        feed = Feed()
        self._feeds.add(feed)
        for name in streams:
            self._users[name] += 1
        try:
            for name in streams:
                await self._start(name)
            yield feed
        finally:
            self._feeds.discard(feed)
            for name in streams:
                self._users[name] -= 1
                asyncio.get_running_loop().call_later(LINGER, self._stop_unused, name)

    async def _start(self, name: str) -> None:
        if name in self._open:
            return
        async with self._lock:
            if name not in self._open:
                await self._tails[name].start()
                self._open.add(name)

    def _stop_unused(self, name: str) -> None:
        if name in self._open and not self._users[name]:
            self._open.discard(name)
            old, self._tails[name] = self._tails[name], Tail(self._bus, name, self._deliver)
            stopping = asyncio.ensure_future(old.stop())
            self._stopping.add(stopping)
            stopping.add_done_callback(self._stopping.discard)

    async def _follow_logs(self, run_id: str, feed: Feed) -> None:
        async with self._lock:
            logs = self._logs.setdefault(run_id, _Logs())
            logs.feeds.add(feed)
            if logs.subscription is None:
                logs.subscription = await self._bus.nc.subscribe(f"hw.logs.v1.*.{run_id}.*", cb=logs.receive)

    async def _leave_logs(self, run_id: str, feed: Feed) -> None:
        logs = self._logs.get(run_id)
        if logs is None:
            return
        logs.feeds.discard(feed)
        if not logs.feeds:
            del self._logs[run_id]
            subscription, logs.subscription = logs.subscription, None
            if subscription is not None and not self._bus.nc.is_closed:
                await subscription.unsubscribe()

    async def _deliver(self, msg: Msg, seq: int) -> None:
        tokens = msg.subject.split(".")
        foreign = tokens[1] == "ext"
        stream, token, last = (FOREIGN, tokens[2], "") if foreign else (FACTS, tokens[3], tokens[-1])
        key = stream + token
        if last not in self._runs and key not in self._projects:
            return
        if (logs := self._logs.get(last)) is not None:
            await logs.caught_up()
        try:
            at = msg.metadata.timestamp
            event = Envelope.decode(msg.subject, msg.headers, msg.data, stream=stream, seq=seq, time=at)
        except MalformedEvent:
            return  # its consumers make a dead letter of it
        fact = fact_of(event, stream)
        for feed in (*self._runs.get(last, ()), *self._projects.get(key, ())):
            feed.put(fact, len(fact.data))


def _leave(table: dict[str, set[Feed]], key: str, feed: Feed) -> None:
    feeds = table.get(key)
    if feeds is not None:
        feeds.discard(feed)
        if not feeds:
            del table[key]
