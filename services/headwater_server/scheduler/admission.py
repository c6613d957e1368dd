"""Who is next when a pool has room: priority first, then round-robin over projects and, within each, over runs.

Pure.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass
class Candidate:
    """Work that one run has waiting: a ready task (count 1), or an open foreach with `count` tasks to make."""

    run_id: str
    project: str
    priority: int
    count: int
    item: Any


def pick(
    candidates: Iterable[Candidate], room: int, limits: dict[str, int] | None = None
) -> list[tuple[Candidate, int]]:
    """(candidate, how many tasks of it), at most `room` tasks in all. Order matters among the candidates of one run.
    limits: run → how many more of its tasks may run (its max_workers)."""
    left = dict(limits or {})
    chosen: dict[int, tuple[Candidate, int]] = {}
    for level in _levels(candidates):
        turns = deque(level.items())
        while turns and room > 0:
            project, runs = turns.popleft()
            if _take_one(runs, left, chosen):
                room -= 1
                turns.append((project, runs))
    return list(chosen.values())


def _levels(candidates: Iterable[Candidate]) -> list[dict[str, deque[deque[Candidate]]]]:
    """By priority, highest first: project → the queues of its runs."""
    levels: dict[int, dict[str, dict[str, deque[Candidate]]]] = {}
    for c in candidates:
        runs = levels.setdefault(c.priority, {}).setdefault(c.project, {})
        runs.setdefault(c.run_id, deque()).append(Candidate(c.run_id, c.project, c.priority, c.count, c.item))
    return [{p: deque(runs.values()) for p, runs in levels[level].items()} for level in sorted(levels, reverse=True)]


def _take_one(runs: deque[deque[Candidate]], left: dict[str, int], chosen: dict[int, tuple[Candidate, int]]) -> bool:
    """One task of the run whose turn it is; its turn comes again after the others'."""
    while runs:
        queue = runs.popleft()
        while queue and (queue[0].count == 0 or left.get(queue[0].run_id, 1) <= 0):
            queue.popleft()
        if not queue:
            continue
        candidate = queue[0]
        candidate.count -= 1
        if candidate.run_id in left:
            left[candidate.run_id] -= 1
        chosen[id(candidate)] = (candidate, chosen.get(id(candidate), (candidate, 0))[1] + 1)
        runs.append(queue)
        return True
    return False
