"""Memory and CPUs of a step, where it or the worker insists on @resources: a cgroup where we may make one, else what
rlimits, watching and CPU affinity can do. Says what it did, and what killed a step.
"""

import asyncio
import math
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from headwater_server.executor.node import outcomes
from headwater_server.executor.node.cgroups import Cgroup, Cgroups, NotDelegated, own_group
from headwater_server.executor.node.children import Child
from headwater_server.executor.node.wire import Resources

log = structlog.get_logger("worker.limits")
# Seconds between two looks at the memory of a step that no cgroup holds.
_LOOK = 0.25
_REMOVE = 0.05
_TRIES = 100


class Limits:
    """Of one worker. always: @resources of every step is a limit, not only where the step says so."""

    def __init__(self, always: bool) -> None:
        self._always, self._cgroups, self._next_cpu = always, None, 0
        self._removing: set[asyncio.Task[None]] = set()
        try:
            self._cgroups = Cgroups(own_group())
            told = {"memory": f"cgroup v2, below {self._cgroups.base}"}
            told["cpu"] = told["memory"] if self._cgroups.has_cpu else _AFFINITY
        except NotDelegated as why:
            told = {"memory": _RLIMIT, "cpu": _AFFINITY, "why": str(why)}
        log.info("how limits of steps are enforced", steps="all" if always else "those that ask", **told)

    def of(self, resources: Resources | None) -> "AttemptLimits | None":
        if resources is None or not (resources.enforce or self._always):
            return None
        return AttemptLimits(self, int(resources.memory_mb), resources.cpu)

    def make(self, memory_mb: int, cpus: float) -> Cgroup | None:
        if self._cgroups is None:
            return None
        try:
            return self._cgroups.make(memory_mb, cpus)
        except OSError as error:
            log.warning("no cgroup for a step", error=str(error))
            return None

    def pin(self, pid: int, cpus: float) -> None:
        """To so many of the CPUs, in turn, where that is all that can be done."""
        if not hasattr(os, "sched_setaffinity") or (self._cgroups is not None and self._cgroups.has_cpu):
            return
        ours, count = sorted(os.sched_getaffinity(0)), max(1, math.ceil(cpus))
        if cpus and count < len(ours):
            at, self._next_cpu = self._next_cpu, self._next_cpu + count
            with suppress(OSError):
                os.sched_setaffinity(pid, {ours[(at + i) % len(ours)] for i in range(count)})

    def remove(self, group: Cgroup) -> None:
        task = asyncio.get_running_loop().create_task(_remove(group))
        self._removing.add(task)
        task.add_done_callback(self._removing.discard)


async def _remove(group: Cgroup) -> None:
    for _ in range(_TRIES):
        if group.remove():
            return
        await asyncio.sleep(_REMOVE)
    log.warning("cgroup left behind", path=str(group.path))


class AttemptLimits:
    """What holds the process of one attempt; with isolation "none", of all its attempts."""

    def __init__(self, limits: Limits, memory_mb: int, cpus: float) -> None:
        self._limits, self.memory_mb, self.cpus = limits, memory_mb, cpus
        self._group: Cgroup | None = None
        self._watching: asyncio.Task[None] | None = None
        self._exceeded = 0

    def hold(self, child: Child) -> dict[str, Any]:
        """Before the child is given its task. Returns what the task's frame says of it."""
        self._limits.pin(child.pid, self.cpus)
        if self._group is None:
            self._group = self._limits.make(self.memory_mb, self.cpus)
        if self._group is not None:
            try:
                self._group.add(child.pid)
                return {}
            except OSError as error:
                log.warning("process not in its cgroup", pid=child.pid, error=str(error))
        if not self.memory_mb or sys.platform != "linux":
            return {}
        self._watching = asyncio.get_running_loop().create_task(self._watch(child))
        return {"memoryMb": self.memory_mb}

    async def _watch(self, child: Child) -> None:
        while not child.ended.done():
            used = await asyncio.to_thread(memory_of_group, child.pid)
            if used >> 20 > self.memory_mb:
                self._exceeded = used >> 20
                child.kill()
                return
            await asyncio.sleep(_LOOK)

    def rest(self) -> None:
        """The task is over, its process goes on."""
        if self._watching is not None:
            self._watching.cancel()

    def failure(self, step: str) -> dict[str, Any] | None:
        """Of a process that was killed: was that the limit, or the machine that had no memory left?"""
        if self._exceeded:
            return outcomes.over_limit(step, self.memory_mb, self._exceeded)
        toll = self._group.toll() if self._group is not None else None
        if toll is None or not toll.killed:
            return None
        return outcomes.over_limit(step, self.memory_mb, toll.peak_mb) if toll.own_limit else outcomes.no_memory(step)

    def remark(self) -> str:
        """To add to the hint of another death."""
        if self._group is not None or not self.memory_mb:
            return ""
        return f"It had a memory limit of {self.memory_mb} MB, and some native libraries crash where memory is refused."

    def end(self) -> None:
        """The process is gone."""
        self.rest()
        group, self._group = self._group, None
        if group is not None:
            self._limits.remove(group)


def memory_of_group(group: int) -> int:
    """Bytes that the processes of a group have for themselves (Linux)."""
    total = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                stat = Path(entry.path, "stat").read_text()
                if int(stat[stat.rindex(")") + 2 :].split()[2]) == group:
                    total += _private(Path(entry.path, "smaps_rollup").read_text())
    return total


def _private(rollup: str) -> int:
    kinds = ("Private_Dirty:", "Swap:")
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith(kinds)) << 10


def machine_memory_mb() -> int:
    """What this process and all beside it may use: the machine's, or less where a container says so. 0: not known."""
    found: list[int] = []
    with suppress(OSError, ValueError, AttributeError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(NotDelegated, OSError, ValueError):
        found.append(int((own_group() / "memory.max").read_text()))
    with suppress(OSError, ValueError):
        found.append(int(Path("/sys/fs/cgroup/memory/memory.limit_in_bytes").read_text()))
    return min(found, default=0) >> 20


def cpus() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_RLIMIT = "rlimits, and watching the sum of a step's processes" if sys.platform == "linux" else "not on this system"
_AFFINITY = "a step stays on as many CPUs as it asks for" if hasattr(os, "sched_setaffinity") else "not on this system"
