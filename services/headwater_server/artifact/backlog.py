"""Has this service heard of all that was said? Before blobs are collected, the events that refer to them must be here.

A lease covers the time between an upload and the event that refers to it, but not an outage of the bus: so nothing is
collected before the consumer has caught up after one.
"""

import asyncio
import time
from collections.abc import Callable

from headwater_server.kit.errors import Unavailable

PATIENCE = 20.0


class Backlog:
    def __init__(self, connected: Callable[[], bool], settle: float) -> None:
        """connected(): is the bus there; settle: seconds without news, after a start or an outage, that mean that
        there are none."""
        self._connected, self._settle = connected, settle
        self._pending = 0
        self._since = time.monotonic()

    def heard(self, pending: int) -> None:
        """A message came, with so many behind it."""
        self._pending = pending

    def interrupted(self) -> None:
        """The bus was away: what was said meanwhile comes now."""
        self._since = time.monotonic()

    async def read(self, patience: float = PATIENCE) -> None:
        """Returns once the events up to now have been read. Raises Unavailable."""
        deadline = time.monotonic() + patience
        while not self._is_read():
            if time.monotonic() > deadline:
                text = "events that refer to blobs may be on their way: nothing is collected until they are here"
                raise Unavailable(text, hint="Try again in a minute; `headwater status` tells whether the bus is up.")
            await asyncio.sleep(0.1)

    def _is_read(self) -> bool:
        return self._connected() and self._pending == 0 and time.monotonic() - self._since >= self._settle
