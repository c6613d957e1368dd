"""Server-sent events: frames, positions in them, and the answer that carries a stream until one side ends it."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from prometheus_client import Gauge
from starlette.responses import Response

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown
from headwater_server.kit.telemetry import REGISTRY

HEARTBEAT = b": \n\n"
# Somebody who takes nothing for so long is gone.
SEND_SECONDS = 30.0
OPEN = Gauge("headwater_live_streams", "Open streams of events.", registry=REGISTRY)
_NAME = re.compile(r"[^A-Za-z0-9_.:-]")
_POSITION = re.compile(r"^(\d{1,19})-(\d{1,19})$")
_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "connection": "close",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
}


def frame(event: str, data: bytes, ident: str = "") -> bytes:
    """One event; data is JSON without line breaks, as msgspec writes it."""
    head = f"event: {_NAME.sub('_', event)}\n" + (f"id: {ident}\n" if ident else "")
    return head.encode() + b"data: " + data + b"\n\n"


def position(first: int, second: int) -> str:
    """An id that says how far two streams were read."""
    return f"{first}-{second}"


def read_position(text: str) -> tuple[int, int] | None:
    """Of the header Last-Event-ID; None: begin anew. Raises InvalidArgument."""
    if not text:
        return None
    found = _POSITION.match(text)
    if found is None:
        raise InvalidArgument(
            f"Last-Event-ID: {shown(text)} is not an id of this stream",
            field="Last-Event-ID",
            hint="send the last id that was received, or none",
        )
    return int(found[1]), int(found[2])


class EventStream(Response):
    """Sends frames until they end, the client leaves, or `cut` is set; then `close` frees what the stream held."""

    def __init__(self, frames: AsyncIterator[bytes], cut: asyncio.Event, close: Callable[[], Awaitable[None]]) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._frames, self._cut, self._close = frames, cut, close

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        OPEN.inc()
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            work = [asyncio.ensure_future(each) for each in (self._pump(send), _gone(receive), self._cut.wait())]
            try:
                await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in work:
                    task.cancel()
                await asyncio.gather(*work, return_exceptions=True)
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(send({"type": "http.response.body", "body": b""}), 0.1)
        finally:
            OPEN.dec()
            await self._close()

    async def _pump(self, send: Any) -> None:
        async with contextlib.aclosing(self._frames) as frames:  # type: ignore[type-var]
            async for data in frames:
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
