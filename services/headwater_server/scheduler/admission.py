"""Who is next when a pool has room: priority first, then round-robin over projects and, within each, over runs.

Pure.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from headwater_server.scheduler.needs import NOTHING, Need, Spot, holds, keep, place


@dataclass
class Candidate:
    """Work that one run has waiting: a ready task (count 1), or an open foreach with `count` tasks to make. A gang is
    one candidate that takes `size` slots at once or none."""

    run_id: str
    project: str
    priority: int
    count: int
    item: Any
    size: int = 1
    # (project, key) of the concurrency limits that each of its tasks counts for.
    limits: tuple[tuple[str, str], ...] = ()
    # What each of its tasks needs besides a slot; where that is so, or a gang is wider than the pool: the sessions of
    # those that were chosen.
    need: Need = NOTHING
    sessions: list[str] = field(default_factory=list)


@dataclass
class Room:
    """Slots to give away: `free` now, `whole` when nothing runs."""

    free: int
    whole: int = 0
    # A gang is next and needs more than there is: what is free is kept for it.
    kept: bool = False
    # What is left of concurrency limits.
    limits: dict[tuple[str, str], int] = field(default_factory=dict)
    # The workers, where it matters which of them gets a task.
    spots: list[Spot] = field(default_factory=list)
    # What no worker has free any more.
    gone: set[tuple[Need, int]] = field(default_factory=set)


def pick(
    candidates: Iterable[Candidate], room: int | Room, limits: dict[str, int] | None = None
) -> list[tuple[Candidate, int]]:
    """(candidate, how many of its count), for at most as many slots as there is room. Order matters among the
    candidates of one run. limits: run → how many more of its tasks may run (its max_workers)."""
    left = dict(limits or {})
    chosen: dict[int, tuple[Candidate, int]] = {}
    room = Room(room, room) if isinstance(room, int) else room
    for level in _levels(candidates):
        turns = deque(level.items())
        while turns and room.free > 0 and not room.kept:
            project, runs = turns.popleft()
            if _take_one(runs, left, chosen, room):
                turns.append((project, runs))
    return list(chosen.values())


def _levels(candidates: Iterable[Candidate]) -> list[dict[str, deque[deque[Candidate]]]]:
    """By priority, highest first: project → the queues of its runs."""
    levels: dict[int, dict[str, dict[str, deque[Candidate]]]] = {}
    for c in candidates:
        runs = levels.setdefault(c.priority, {}).setdefault(c.project, {})
        runs.setdefault(c.run_id, deque()).append(replace(c, sessions=[]))
    return [{p: deque(runs.values()) for p, runs in levels[level].items()} for level in sorted(levels, reverse=True)]


def _take_one(
    runs: deque[deque[Candidate]], left: dict[str, int], chosen: dict[int, tuple[Candidate, int]], room: Room
) -> bool:
    """One task, or gang, of the run whose turn it is; its turn comes again after the others'."""
    while runs:
        queue = runs.popleft()
        while queue and not (_may(queue[0], left, room) and _finds_a_place(queue[0], room)):
            if room.kept:
                return False
            queue.popleft()
        if not queue:
            continue
        candidate = queue[0]
        candidate.count -= 1
        room.free -= candidate.size
        for key in candidate.limits:
            if key in room.limits:
                room.limits[key] -= candidate.size
        if candidate.run_id in left:
            left[candidate.run_id] -= candidate.size
        chosen[id(candidate)] = (candidate, chosen.get(id(candidate), (candidate, 0))[1] + 1)
        runs.append(queue)
        return True
    return False


def _may(candidate: Candidate, left: dict[str, int], room: Room) -> bool:
    """A gang that is larger than its run's max_workers may start when one more task of the run may."""
    if any(room.limits.get(key, candidate.size) < candidate.size for key in candidate.limits):
        return False
    return candidate.count > 0 and left.get(candidate.run_id, 1) > 0


def _finds_a_place(candidate: Candidate, room: Room) -> bool:
    """Are there the slots, and a worker with what else it needs? That is taken at once. Who cannot ever be held by
    this pool holds up nobody; for others what they need is kept."""
    if candidate.size > max(room.free, room.whole):
        return _crowds(candidate, room)
    if not candidate.need:
        room.kept = candidate.size > room.free
        return not room.kept
    if not holds(room.spots, candidate.need, candidate.size):
        return False
    if candidate.size > room.free:
        room.kept = True
        return False
    return _placed(candidate, room)


def _crowds(candidate: Candidate, room: Room) -> bool:
    """A gang that is wider than the whole pool begins when nothing else runs, where workers take that many members."""
    if not room.whole or not holds(room.spots, candidate.need, candidate.size):
        return False
    room.kept = room.free < room.whole
    return not room.kept and _placed(candidate, room)


def _placed(candidate: Candidate, room: Room) -> bool:
    wanted = candidate.need, candidate.size
    sessions = place(room.spots, *wanted) if wanted not in room.gone else None
    if sessions is None:
        room.gone.add(wanted)
        keep(room.spots, candidate.need)
        return False
    candidate.sessions += sessions
    return True
