"""stdout and stderr of one attempt, cut into lines and sent as LogChunk messages while it runs.

A flood is bounded: beyond the limit lines are counted, and one SYSTEM line says how many. A step may have a limit of
its own for each of the two streams, which ends with a line that says so.
"""

import asyncio
import time
from typing import Any

import msgspec

from headwater_server.executor.node import wire
from headwater_server.executor.node.sink import Sink
from headwater_server.executor.node.wire import Assignment
from headwater_server.kit.ids import uuid7

MAX_LINE = 16 * 1024
MAX_BYTES = 16 << 20
MAX_LINES = 100_000
CHUNK = 64 * 1024
LINGER = 0.1
# Metaflow's words.
TRUNCATED = "[TRUNCATED - MAXIMUM LOG FILE SIZE REACHED]"

STDOUT, STDERR, SYSTEM = "LOG_STREAM_STDOUT", "LOG_STREAM_STDERR", "LOG_STREAM_SYSTEM"


class Cutter:
    """Cuts one stream into lines of at most MAX_LINE bytes."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if any(len(line) > MAX_LINE for line in lines):
            lines = [piece for line in lines for piece in _pieces(line)]
        if len(self._rest) > MAX_LINE:
            *whole, self._rest = _pieces(self._rest)
            lines += whole
        return lines

    def rest(self) -> list[bytes]:
        """What came after the last line feed."""
        rest, self._rest = self._rest, b""
        return [rest] if rest else []


def _pieces(line: bytes) -> list[bytes]:
    """Never empty; a character of UTF-8 stays whole."""
    pieces: list[bytes] = []
    while len(line) > MAX_LINE:
        end = next(at for at in range(MAX_LINE, MAX_LINE - 5, -1) if line[at] & 0xC0 != 0x80 or at == MAX_LINE - 4)
        pieces.append(line[:end])
        line = line[end:]
    return [*pieces, line]


class AttemptLogs:
    def __init__(self, task: Assignment, sink: Sink) -> None:
        self._task, self._sink = task, sink
        self._cutters = {STDOUT: Cutter(), STDERR: Cutter()}
        self._lines: list[dict[str, Any]] = []
        self._pending = self._bytes = self._count = self._chunks = 0
        self._cut_lines = self._cut_bytes = 0
        most = task.step.max_log_mb
        # What each stream may still say, in bytes; below 0: it has been told that it may not.
        self._left = None if most is None else {STDOUT: most << 20, STDERR: most << 20}
        self._ident = ""
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, stream: str, data: bytes) -> None:
        if self._cut_bytes:
            self._cut(data.count(b"\n"), len(data))
            return
        now = wire.rfc3339(time.time())
        lines = self._cutters[stream].feed(data)
        for number, line in enumerate(lines):
            if self._bytes + len(line) > MAX_BYTES or self._count >= MAX_LINES:
                self._cut(len(lines) - number, sum(map(len, lines[number:])) + 1)
                break
            if self._may_say(stream, line, now):
                self._add(stream, line, now)
        if self._pending >= CHUNK:
            self.flush()
        elif self._lines and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER, self.flush)

    def say(self, text: str) -> None:
        """A line of the worker's own about the task."""
        self._append(SYSTEM, text, wire.rfc3339(time.time()))

    def finish(self) -> None:
        """The streams have ended: sends what is left."""
        now = wire.rfc3339(time.time())
        for stream, cutter in self._cutters.items():
            for line in cutter.rest():
                if not self._cut_bytes and self._may_say(stream, line, now):
                    self._add(stream, line, now)
        if self._cut_bytes:
            size = f"{self._cut_bytes / (1 << 20):.1f} MiB"
            self.say(f"output was cut: {self._cut_lines} more lines ({size}) were not kept")
            self._cut_bytes = self._cut_lines = 0
        self.flush()

    def flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._lines:
            return
        self._chunks += 1
        self._ident = self._ident or uuid7()
        body = {
            "key": self._task.key,
            "taskId": self._task.task_id,
            "attempt": self._task.attempt,
            "lines": self._lines,
        }
        self._sink.put(msgspec.json.encode(body), f"{self._ident}-{self._chunks}")
        self._lines, self._pending = [], 0

    def _may_say(self, stream: str, line: bytes, now: str) -> bool:
        """Is there room in the step's own limit? The first time that there is none is told."""
        if self._left is None:
            return True
        if self._left[stream] < 0:
            return False
        self._left[stream] -= len(line) + 1
        if self._left[stream] > 0:
            return True
        self._left[stream] = -1
        self._append(stream, TRUNCATED, now)
        return False

    def _cut(self, lines: int, size: int) -> None:
        self._cut_lines += lines
        self._cut_bytes += size

    def _add(self, stream: str, line: bytes, now: str) -> None:
        self._bytes += len(line) + 1
        self._count += 1
        self._append(stream, line.removesuffix(b"\r").decode("utf-8", "replace").replace("\0", "�"), now)

    def _append(self, stream: str, text: str, now: str) -> None:
        self._lines.append({"stream": stream, "time": now, "text": text})
        self._pending += len(text) + 80
        if self._pending >= CHUNK:
            self.flush()
