"""Requests to the scheduler and the artifact service over the bus, repeated while these are away.

A service that restarts, a bus that reconnects and a database that fails over look alike from here: try again, later.
"""

import asyncio
import random
from typing import Any, TypeVar

import msgspec
import structlog
from nats.aio.msg import Msg

from headwater_server.kit.bus import Bus
from headwater_server.kit.errors import (
    Aborted,
    DeadlineExceeded,
    Internal,
    ResourceExhausted,
    ServiceError,
    Unavailable,
    from_json,
)

log = structlog.get_logger("worker.commands")
T = TypeVar("T")
# An answer of these kinds may be another one in a moment.
PASSING = (Unavailable, DeadlineExceeded, Aborted, Internal, ResourceExhausted)
_PATIENCE = 60.0
_FIRST_PAUSE = 0.02
_LONGEST_PAUSE = 2.0


class Pauses:
    """Growing pauses with jitter."""

    def __init__(self) -> None:
        self._pause = _FIRST_PAUSE

    async def wait(self) -> None:
        await asyncio.sleep(self._pause * random.uniform(0.7, 1.3))
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)


class Commands:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def once(self, service: str, method: str, body: bytes, traceparent: str = "", timeout: float = 5.0) -> bytes:
        """One request. Raises the ServiceError that the service answers, Unavailable or DeadlineExceeded."""
        headers = {"traceparent": traceparent} if traceparent else None
        reply: Msg = await self._bus.request(f"hw.cmd.v1.{service}.{method}", body, headers=headers, timeout=timeout)
        if reply.headers and "hw-error" in reply.headers:
            raise from_json(msgspec.json.decode(reply.data))
        return reply.data

    async def call(
        self,
        service: str,
        method: str,
        body: dict[str, Any],
        reply: type[T],
        traceparent: str = "",
        *,
        patience: float = _PATIENCE,
    ) -> T:
        """Repeats an idempotent request for up to `patience` seconds. Raises ServiceError."""
        data, pauses, loop = msgspec.json.encode(body), Pauses(), asyncio.get_running_loop()
        deadline = loop.time() + patience
        while True:
            try:
                return msgspec.json.decode(await self.once(service, method, data, traceparent), type=reply)
            except PASSING as error:
                if loop.time() > deadline or error.reason == "DISK_FULL":
                    raise
                log.info("trying again", command=f"{service}.{method}", error=str(error))
            except msgspec.MsgspecError as error:
                raise Internal(f"{service}.{method} answers what this worker cannot read: {error}") from None
            await pauses.wait()


def why(error: ServiceError) -> str:
    return f"{error.message} {error.hint}".strip()
