"""Messages of one attempt on their way to a stream: in order, each acknowledged, repeated while the bus is away."""

import asyncio
from collections import deque

import structlog

from headwater_server.executor.node.commands import PASSING, Pauses
from headwater_server.kit.bus import Bus, StreamRefused
from headwater_server.kit.errors import ServiceError

log = structlog.get_logger("worker.sink")
# A stream that refuses (full, misconfigured) is asked again for this long (seconds).
_PATIENCE = 30.0


class Sink:
    def __init__(self, bus: Bus, subject: str) -> None:
        self._bus, self._subject = bus, subject
        self._queue: deque[tuple[bytes, str]] = deque()
        self._sender: asyncio.Task[None] | None = None

    def put(self, payload: bytes, msg_id: str) -> None:
        self._queue.append((payload, msg_id))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send())

    @property
    def busy(self) -> bool:
        return self._sender is not None and not self._sender.done()

    @property
    def waiting(self) -> int:
        return len(self._queue)

    async def flushed(self) -> None:
        """Returns when all that was put is in the stream."""
        if self._sender is not None:
            await self._sender

    def abandon(self) -> None:
        if self._sender is not None:
            self._sender.cancel()

    async def _send(self) -> None:
        while self._queue:
            await self._store(*self._queue[0])
            self._queue.popleft()

    async def _store(self, payload: bytes, msg_id: str) -> None:
        pauses, loop = Pauses(), asyncio.get_running_loop()
        deadline = loop.time() + _PATIENCE
        while True:
            try:
                await self._bus.publish_stream(self._subject, payload, msg_id=msg_id)
                return
            except ServiceError as error:
                lasting = isinstance(error, StreamRefused) or not isinstance(error, PASSING)
                if lasting and loop.time() > deadline:
                    log.error("message given up", subject=self._subject, msg_id=msg_id, error=str(error))
                    return
                log.info("stream does not take a message, trying again", subject=self._subject, error=str(error))
            await pauses.wait()
