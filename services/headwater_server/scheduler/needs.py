"""What a step needs of the one worker that runs it, which workers have it free, and why a task waits for one. Pure.

Most steps need nothing but a slot, and go to whoever pulls first. Others are placed: GPUs are whole devices that no two
tasks share; memory and CPUs count where the step insists on them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Need:
    gpus: int = 0
    memory_mb: int = 0
    cpus: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.gpus or self.memory_mb or self.cpus)

    def __str__(self) -> str:
        parts = (
            f"{self.gpus} GPU{'s' if self.gpus > 1 else ''}" if self.gpus else "",
            f"{self.memory_mb} MB of memory" if self.memory_mb else "",
            f"{self.cpus:g} CPU{'s' if self.cpus > 1 else ''}" if self.cpus else "",
        )
        return " and ".join(filter(None, parts))


def need_of(resources: dict[str, Any]) -> Need:
    """resources: Resources in JSON, as a step of a graph has them."""
    gpus = math.ceil(float(resources.get("gpu", 0)))
    if not resources.get("enforce"):
        return Need(gpus)
    return Need(gpus, int(resources.get("memoryMb", 0)), float(resources.get("cpu", 0)))


NOTHING = Need()


@dataclass
class Spot:
    """A worker: all it has, and what is left of it. memory_mb, cpus 0: it does not say."""

    session: str
    slots: int
    gang_slots: int = 0
    gpus: int = 0
    memory_mb: int = 0
    cpus: float = 0.0
    busy: int = 0
    gpus_used: int = 0
    memory_used: int = 0
    # Does it hear what it is told? Not before its first heartbeat.
    listens: bool = True
    # Something large waits for it.
    kept: bool = False

    @property
    def most(self) -> int:
        """Members of a gang."""
        return max(self.slots, self.gang_slots)

    def could(self, need: Need) -> bool:
        """With nothing else there."""
        enough = need.gpus <= self.gpus and need.cpus <= (self.cpus or need.cpus)
        return enough and need.memory_mb <= (self.memory_mb or need.memory_mb)

    def has(self, need: Need) -> bool:
        if self.kept or not self.listens or not self.could(need):
            return False
        memory = self.memory_mb - self.memory_used if self.memory_mb else need.memory_mb
        return need.gpus <= self.gpus - self.gpus_used and need.memory_mb <= memory

    def take(self, need: Need, times: int = 1) -> None:
        self.busy += times
        self.gpus_used += times * need.gpus
        self.memory_used += times * need.memory_mb


def place(spots: Sequence[Spot], need: Need, size: int = 1) -> list[str] | None:
    """The sessions of `size` tasks, which take what they need; None: not all of them find it now, and nothing is
    taken. One task goes where the least is left over, those of a gang to the emptiest workers in turn."""
    taken: list[Spot] = []
    for _ in range(size):
        fitting = [s for s in spots if s.has(need) and (size == 1 or s.busy < s.most)]
        if not fitting:
            for spot in taken:
                spot.take(need, -1)
            return None
        if size == 1:
            best = min(fitting, key=lambda s: (s.gpus - s.gpus_used, s.busy - s.slots))
        else:
            best = min(fitting, key=lambda s: s.busy / s.slots)
        best.take(need)
        taken.append(best)
    return [spot.session for spot in taken]


def keep(spots: Sequence[Spot], need: Need) -> None:
    """What is left on the workers that could hold it goes to nobody who comes later: else it would wait for ever."""
    for spot in spots:
        spot.kept = spot.kept or spot.could(need)


def holds(spots: Sequence[Spot], need: Need, size: int = 1) -> bool:
    """Could they hold so many at once, with nothing else there?"""
    if size == 1:
        return any(spot.could(need) for spot in spots)
    empty = [Spot(s.session, s.slots, s.gang_slots, s.gpus, s.memory_mb, s.cpus) for s in spots]
    return place(empty, need, size) is not None


def why_waiting(step: str, pool: str, need: Need, size: int, spots: Sequence[Spot]) -> str:
    """size: members of a gang, else 1. "": for nothing in particular, its turn will come."""
    if not spots:
        return f"waiting for a worker in pool {pool}" + (f" with {need}" if need else "")
    able = [spot for spot in spots if spot.could(need)]
    if not able:
        return f"waiting for a worker with {need} in pool {pool}: {_largest(need, spots)}"
    if size > 1 and not holds(spots, need, size):
        each, have = f", each with {need}," if need else "", sum(_members(spot, need) for spot in able)
        what = f"the gang of step {step} needs {size} slots{each} at once, and pool {pool} has {have}"
        return f"waiting for workers: {what}. Lower num_parallel, or start workers with more --slots or --gang-slots"
    if size > (slots := sum(spot.slots for spot in able)):
        return (
            f"waiting until nothing else runs in pool {pool}: the gang of step {step} is wider than its {slots} slots"
        )
    if need.gpus and not any(s.has(need) for s in able):
        return f"waiting for {need}: all {sum(s.gpus for s in able)} of pool {pool} are in use"
    if need and not any(s.has(need) for s in able):
        return f"waiting for {need} to be free on a worker in pool {pool}"
    return ""


def _members(spot: Spot, need: Need) -> int:
    limits = [spot.most]
    if need.gpus:
        limits.append(spot.gpus // need.gpus)
    if need.memory_mb and spot.memory_mb:
        limits.append(spot.memory_mb // need.memory_mb)
    return min(limits)


def _largest(need: Need, spots: Sequence[Spot]) -> str:
    """What there is, and what to do."""
    if need.gpus > (gpus := max(s.gpus for s in spots)):
        there = f"its workers have {gpus} at most" if gpus else "its workers have none"
        start = f"--gpus {need.gpus} (on one machine: `headwater up --gpus {need.gpus}`)"
        return f"{there}. Start one with {start}, or lower gpu= of the step"
    most = f"its largest worker has {max(s.memory_mb for s in spots)} MB and {max(s.cpus for s in spots):g} CPUs"
    return f"{most}. Start a larger one, or ask for less"
