"""What one follower has not taken yet: bounded; who is too slow is cut off and may resume."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

from headwater_server.kit.envelope import Envelope


@dataclass(frozen=True)
class Fact:
    """An event as followers see it."""

    seq: int
    stream: str
    event: Envelope
    data: bytes


@dataclass(frozen=True)
class Lines:
    """Log lines as a worker published them: a LogChunk in JSON."""

    project: str
    chunk: dict[str, Any]
    size: int


class Feed:
    MOST = 4096
    MOST_BYTES = 16 << 20

    def __init__(self) -> None:
        self.cut = asyncio.Event()
        self._items: deque[tuple[Fact | Lines, int]] = deque()
        self._bytes = 0
        self._some = asyncio.Event()

    def put(self, item: Fact | Lines, size: int) -> None:
        if self.cut.is_set():
            return
        if len(self._items) >= self.MOST or self._bytes + size > self.MOST_BYTES:
            self.close()
            return
        self._items.append((item, size))
        self._bytes += size
        self._some.set()

    def close(self) -> None:
        """Ends it at once; what was not taken is forgotten."""
        self._items.clear()
        self._bytes = 0
        self.cut.set()
        self._some.set()

    async def take(self, timeout: float) -> list[Fact | Lines]:
        """All there is; waits for the first. Empty: nothing came in time, or it was cut."""
        if not self._items and not self.cut.is_set():
            self._some.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._some.wait()
            except TimeoutError:
                return []
        return self.take_now()

    def take_now(self) -> list[Fact | Lines]:
        taken = [item for item, _ in self._items]
        self._items.clear()
        self._bytes = 0
        return taken
