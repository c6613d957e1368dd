"""Which log lines were told already: where the stored past and the live lines overlap, and after a resume. Pure.

Lines of one task attempt and output are in order of their time, so a time and a count say where it stands.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

# Lines of different workers arrive out of order by their clocks and buffers; after a resume so much is told again.
SLACK = timedelta(seconds=2)


def comparable(time: str) -> str:
    """A timestamp of protobuf's JSON mapping, in a form that sorts: "2026-11-23T20:10:11.123000000"."""
    whole, _, fraction = time.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}" if whole else ""


class Told:
    """newest_ms: Unix milliseconds of the newest line that was told, 0 for none."""

    def __init__(self, resume_ms: int = 0) -> None:
        self.newest_ms = resume_ms
        self._newest = ""
        self._since = _text(resume_ms) if resume_ms else ""
        self._ends: dict[tuple[Any, ...], tuple[str, int]] = {}

    def past(self, chunk: dict[str, Any]) -> dict[str, Any] | None:
        """What of a stored chunk is to be told; remembers where each output ends."""
        lines = []
        for key, time, line in _lines(chunk):
            end, count = self._ends.get(key, ("", 0))
            if time >= end:
                self._ends[key] = (time, count + 1 if time == end else 1)
            if not time or time > self._since:
                lines.append(line)
        return self._tell(chunk, lines)

    def live(self, chunk: dict[str, Any]) -> dict[str, Any] | None:
        """What of a chunk that just came has not been told as the past; None: nothing."""
        lines = []
        for key, time, line in _lines(chunk):
            end, count = self._ends.get(key, ("", 0))
            if time and time < end:
                continue
            if time and time == end and count:
                self._ends[key] = (end, count - 1)
                continue
            lines.append(line)
        return self._tell(chunk, lines)

    def _tell(self, chunk: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any] | None:
        if not lines:
            return None
        newest = max((str(line.get("time", "")) for line in lines), key=comparable)
        if comparable(newest) > self._newest:
            self._newest = comparable(newest)
            self.newest_ms = max(self.newest_ms, _millis(newest))
        return {**chunk, "lines": lines}


def _lines(chunk: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], str, dict[str, Any]]]:
    key = chunk.get("key") or {}
    task = (key.get("step"), key.get("path"), key.get("index"), chunk.get("taskId"), chunk.get("attempt"))
    for line in chunk.get("lines") or ():
        yield (*task, line.get("stream")), comparable(str(line.get("time", ""))), line


def _millis(time: str) -> int:
    try:
        return int(datetime.fromisoformat(time).timestamp() * 1000)
    except ValueError:
        return 0


def _text(millis: int) -> str:
    from datetime import UTC

    try:
        at = datetime.fromtimestamp(millis / 1000, UTC) - SLACK
    except (OverflowError, ValueError, OSError):
        return ""
    return comparable(at.replace(tzinfo=None).isoformat(timespec="microseconds"))
