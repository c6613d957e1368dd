"""Has the kernel killed something for want of memory lately? From the counters of our cgroup, else of the machine."""

from pathlib import Path


class OomCounter:
    """Linux only; elsewhere it never says so."""

    def __init__(self) -> None:
        self._source = _source()
        now = self._read()
        self._recent = [now, now]

    def tick(self) -> None:
        """Call every few seconds: what was counted before the tick before is old news."""
        self._recent = [self._recent[1], self._read()]

    def struck(self) -> bool:
        return self._read() > self._recent[0]

    def _read(self) -> int:
        if self._source is None:
            return 0
        path, field = self._source
        try:
            for line in path.read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == field:
                    return int(value)
        except (OSError, ValueError):
            pass
        return 0


def _source() -> tuple[Path, str] | None:
    candidates = [(Path("/proc/vmstat"), "oom_kill")]
    try:
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            if line.startswith("0::"):
                candidates.insert(0, (Path("/sys/fs/cgroup") / line[3:].lstrip("/") / "memory.events", "oom_kill"))
    except OSError:
        pass
    return next((c for c in candidates if _readable(c[0])), None)


def _readable(path: Path) -> bool:
    try:
        return "oom_kill " in path.read_text()
    except OSError:
        return False
