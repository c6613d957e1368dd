"""Reads what a stream has stored, by its direct-get API: no consumer, no state in the server, one request per batch."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from nats.aio.msg import Msg

from headwater_server.kit.bus import Bus, Subscription
from headwater_server.kit.errors import DeadlineExceeded, Unavailable

BATCH = 256
MAX_BYTES = 4 << 20
TIMEOUT = 5.0


@dataclass(frozen=True)
class Stored:
    """A message of a stream; `pending`: how many that match the question come after it."""

    seq: int
    subject: str
    headers: dict[str, str]
    data: bytes
    time: datetime
    pending: int


class Past:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def batch(
        self, stream: str, subject: str, *, seq: int = 1, start: datetime | None = None, size: int = BATCH
    ) -> list[Stored]:
        """Messages whose subject matches, from a sequence or a time on, at most `size`."""
        begin = {"start_time": start.astimezone(UTC).isoformat()} if start else {"seq": max(seq, 1)}
        return await self._ask(stream, {**begin, "next_by_subj": subject, "batch": size, "max_bytes": MAX_BYTES})

    async def read(
        self, stream: str, subject: str, *, after: int = 0, upto: int, start: datetime | None = None
    ) -> AsyncIterator[Stored]:
        """Everything that matches and lies after one sequence, up to another; not before `start`, if that is given."""
        while after < upto:
            batch = await self.batch(stream, subject, seq=after + 1, start=start)
            for each in batch:
                if each.seq > upto:
                    return
                yield each
            if not batch or not batch[-1].pending:
                return
            after, start = batch[-1].seq, None

    async def last(self, stream: str, subject: str, count: int, *, upto: int) -> AsyncIterator[Stored]:
        """The last `count` that match, oldest first. Looks back in steps that grow until there are enough."""
        step, begin, skip = count, upto, 0
        while count > 0 and begin > 0:
            begin = max(1, upto - step + 1)
            probe = await self.batch(stream, subject, seq=begin, size=1)
            found = probe[0].pending + 1 if probe else 0
            if found >= count or begin == 1:
                skip = max(0, found - count)
                break
            step *= 4
        if count > 0 and begin > 0:
            async for each in self.read(stream, subject, after=begin - 1, upto=upto):
                if skip > 0:
                    skip -= 1
                else:
                    yield each

    async def get(self, stream: str, seq: int) -> Stored | None:
        found = await self._ask(stream, {"seq": seq}, several=False)
        return found[0] if found else None

    async def end(self, stream: str) -> int:
        """Sequence of the last message that was stored."""
        reply = msgspec.json.decode((await self._bus.request(f"$JS.API.STREAM.INFO.{stream}", b"")).data)
        if "error" in reply:
            raise Unavailable(f"{stream}: {reply['error'].get('description')}")
        return int(reply["state"]["last_seq"])

    async def _ask(self, stream: str, request: dict[str, Any], *, several: bool = True) -> list[Stored]:
        found: list[Stored] = []
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def receive(msg: Msg) -> None:
            headers = dict(msg.headers or {})
            if "Status" not in headers:
                found.append(_stored(headers, msg.data))
            if ("Status" in headers or not several) and not done.done():
                done.set_result(None)

        inbox = self._bus.nc.new_inbox()
        subscription = Subscription(await self._bus.nc.subscribe(inbox, cb=receive))
        try:
            await self._bus.nc.publish(f"$JS.API.DIRECT.GET.{stream}", msgspec.json.encode(request), reply=inbox)
            await asyncio.wait_for(done, TIMEOUT)
        except TimeoutError:
            raise DeadlineExceeded(f"{stream} did not answer within {TIMEOUT:g} s") from None
        finally:
            with contextlib.suppress(Exception):
                await subscription.stop()
        return found


def _stored(headers: dict[str, str], data: bytes) -> Stored:
    own = {name: value for name, value in headers.items() if not name.startswith("Nats-")}
    time = datetime.fromisoformat(headers["Nats-Time-Stamp"])
    pending = int(headers.get("Nats-Num-Pending", 0))
    return Stored(int(headers["Nats-Sequence"]), headers["Nats-Subject"], own, data, time, pending)
