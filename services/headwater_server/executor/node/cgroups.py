"""cgroup v2, where the part of the tree that we are in is ours to divide: one group per attempt, with its limits.

Pure files: tests give it a directory.
"""

import errno
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "headwater"
_PERIOD = 100_000


class NotDelegated(Exception):
    """Why there are no groups to be had."""


@dataclass
class Toll:
    """What the kernel counted: processes that it killed for memory, and was the group's own limit the reason?"""

    killed: int = 0
    own_limit: bool = False
    peak_mb: int = 0


def own_group(mounts: Path = Path("/proc/self/mounts"), proc: Path = Path("/proc/self/cgroup")) -> Path:
    """The directory of the group that this process is in. Raises NotDelegated."""
    with suppress(OSError):
        points = [line.split() for line in mounts.read_text().splitlines()]
        mount = next((Path(fields[1]) for fields in points if fields[2] == "cgroup2"), None)
        path = next((line[3:] for line in proc.read_text().splitlines() if line.startswith("0::")), None)
        if mount is not None and path is not None:
            return mount / path.lstrip("/")
    raise NotDelegated("this machine has no cgroup v2")


class Cgroups:
    """The groups below `base`, which must be ours: we move into a leaf of it, for a group that is divided holds no
    processes. Raises NotDelegated."""

    def __init__(self, base: Path) -> None:
        self.base, self._count = base, 0
        offered = _words(base / "cgroup.controllers")
        if "memory" not in offered:
            raise NotDelegated(f"{base} has no memory controller")
        if not os.access(base / "cgroup.procs", os.W_OK) or not os.access(base, os.W_OK):
            raise NotDelegated(f"{base} is not writable")
        self.has_cpu = "cpu" in offered
        self._remove_old()
        wanted = ["+memory"] + (["+cpu"] if self.has_cpu else [])
        self._divide(" ".join(wanted))

    def _divide(self, wanted: str) -> None:
        leaf = self.base / f"{_PREFIX}-{os.getpid()}-worker"
        try:
            leaf.mkdir(exist_ok=True)
            (leaf / "cgroup.procs").write_text(str(os.getpid()))
            (self.base / "cgroup.subtree_control").write_text(wanted)
        except OSError as error:
            with suppress(OSError):
                (self.base / "cgroup.procs").write_text(str(os.getpid()))
                leaf.rmdir()
            why = "other processes are in it" if error.errno == errno.EBUSY else error.strerror
            raise NotDelegated(f"{self.base} cannot be divided: {why}") from None

    def make(self, memory_mb: int, cpus: float) -> "Cgroup":
        """0: no limit. Raises OSError."""
        self._count += 1
        group = Cgroup(self.base / f"{_PREFIX}-{os.getpid()}-{self._count}")
        group.path.mkdir()
        if memory_mb:
            group.write("memory.max", str(memory_mb << 20))
            group.write("memory.oom.group", "1")
            with suppress(OSError):  # a kernel without swap accounting
                group.write("memory.swap.max", "0")
        if cpus and self.has_cpu:
            group.write("cpu.max", f"{max(1000, int(cpus * _PERIOD))} {_PERIOD}")
        return group

    def _remove_old(self) -> None:
        """Groups of agents that are gone."""
        for path in self.base.glob(f"{_PREFIX}-*-*"):
            pid = path.name.split("-")[1]
            if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                Cgroup(path).remove()


@dataclass
class Cgroup:
    path: Path

    def write(self, name: str, text: str) -> None:
        (self.path / name).write_text(text)

    def add(self, pid: int) -> None:
        """Raises OSError when the process is gone. What it starts from now on is in the group too."""
        self.write("cgroup.procs", str(pid))

    def toll(self) -> Toll:
        events: dict[str, int] = {}
        with suppress(OSError, ValueError):
            for line in (self.path / "memory.events").read_text().splitlines():
                name, _, value = line.partition(" ")
                events[name] = int(value)
        peak = 0
        with suppress(OSError, ValueError):
            peak = int((self.path / "memory.peak").read_text())
        return Toll(events.get("oom_kill", 0), events.get("oom", 0) > 0, peak >> 20)

    def remove(self) -> bool:
        """Ends what is in it. False: it is not empty yet, try again."""
        if (self.path / "cgroup.kill").exists():
            with suppress(OSError):
                self.write("cgroup.kill", "1")
        try:
            self.path.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
