"""The graph of a flow as the scheduler needs it: what follows a step, what a join closes, how tasks are named. Pure."""

from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from headwater_server.scheduler.keys import LOOPS, Key, indexes_of, joined, loops_of, numbers, trimmed
from headwater_server.scheduler.needs import Need, need_of
from headwater_server.scheduler.shape import DEFAULT_POOL, POOL, Place, named, seconds, shape_of, transition

__all__ = ["POOL", "Plan", "Step"]


@dataclass(frozen=True)
class Step:
    """One step. `opens` are the splits and foreach steps around it, outermost first; a join is outside of its own.
    `branch`: the step that begins the branch of the innermost split that it is part of."""

    name: str
    number: int
    transition: str  # LINEAR, SPLIT, FOREACH, SWITCH or END
    next: tuple[str, ...]
    foreach: str
    joins: str
    pool: str
    retries: int
    retry_delay: float
    catches: bool
    opens: tuple[str, ...]
    branch: str
    depth: int
    # Of a foreach: its tasks are a gang. Of the step behind it: its tasks are the members of one.
    gang: bool
    member: bool
    limits: tuple[str, ...]
    need: Need
    json: dict[str, Any] = field(repr=False, compare=False)


class Plan:
    """A checked graph. Raises InvalidArgument, naming the step, when it is none."""

    def __init__(self, graph: dict[str, Any]) -> None:
        self.json = graph
        self.flow: str = graph.get("flow", "")
        self.start: str = graph.get("start") or "start"
        self.end: str = graph.get("end") or "end"
        raw = named(graph)
        shape = shape_of(raw, self.start, self.end)
        self._back, self._loops = shape.back, shape.loops
        # Join → the steps that arrive at it, in the order of the graph.
        self.into = shape.arrivals
        self.steps = {name: _step(number, raw[name], shape.places[name], raw) for number, name in enumerate(raw)}

    def __getitem__(self, name: str) -> Step:
        return self.steps[name]

    @cached_property
    def locks(self) -> list[str]:
        """Digests of the locks of its steps' packages."""
        found = (step.json.get("environment", {}).get("lock", "") for step in self.steps.values())
        return sorted({lock for lock in found if lock})

    def after(self, name: str) -> set[str]:
        """A step and all that can follow it."""
        found, queue = {name}, deque([name])
        while queue:
            for target in self.steps[queue.popleft()].next:
                if target not in found:
                    found.add(target)
                    queue.append(target)
        return found

    # Keys

    def key(self, run_id: str, step: str, path: str, index: int) -> Key:
        """The task of a TaskKey. Raises KeyError for the step, ValueError for the rest."""
        found, loops = self.steps[step], loops_of(path)
        if len(loops) > len(found.opens) + 1:
            raise ValueError(f"path {path!r} goes around more loops than there are around {step}")
        return Key(run_id, step, indexes_of(path, index, found.depth), loops)

    def next_key(self, key: Key, target: str) -> Key:
        """A successor without a split between; another round of a loop has the next number, and behind a loop counting
        begins anew."""
        loops, level = key.loops, len(self.steps[target].opens)
        if (key.step, target) in self._back:
            loops = _counted(loops, level, 1)
        elif self._loops.get(key.step) != self._loops.get(target):
            loops = trimmed(loops[:level])
        return Key(key.run_id, target, key.indexes, loops)

    def parent_label(self, key: Key, parent: Key) -> str:
        """What `parent` of a task says: the step, and the round of its loop where the task's own key does not tell."""
        if self.parent_of(key, parent.step) == parent:
            return parent.step
        return parent.step + LOOPS + joined(parent.loops)

    def split_of(self, join: Step, arriving: Key) -> Key:
        """The split that a task on its way into a join belongs to."""
        split = self.steps[join.joins]
        indexes = arriving.indexes[:-1] if split.transition == "FOREACH" else arriving.indexes
        return Key(arriving.run_id, split.name, indexes, trimmed(arriving.loops[: len(split.opens) + 1]))

    def branch_of(self, join: Step, arriving: Key) -> int:
        """Which of the branches that a join closes a task is the last of."""
        split = self.steps[join.joins]
        if split.transition == "FOREACH":
            return arriving.index
        return split.next.index(self.steps[arriving.step].branch)

    def parent_of(self, key: Key, parent: str) -> Key | None:
        """The task whose result is the input of a plain step."""
        if not parent:
            return None
        parent, mark, loops = parent.partition(LOOPS)
        if mark:
            return Key(key.run_id, parent, key.indexes, numbers(loops))
        source = self.steps[parent]
        if (parent, key.step) in self._back:
            return Key(key.run_id, parent, key.indexes, _counted(key.loops, len(source.opens), -1))
        if source.transition == "FOREACH":
            return Key(key.run_id, parent, key.indexes[:-1], trimmed(key.loops[: len(source.opens) + 1]))
        return key.at(parent, key.indexes)

    def inputs_of(self, key: Key, parent: str) -> list[tuple[Key, bool]]:
        """The tasks whose results a task was given, or may have been where a switch decides; True: all of the step
        under the same path. parent: as its row has it."""
        step = self.steps[key.step]
        if not step.joins:
            found = self.parent_of(key, parent)
            return [(found, False)] if found is not None else []
        every = self.steps[step.joins].transition == "FOREACH"
        return [(key.at(source, (*key.indexes, 0) if every else key.indexes), every) for source in self.into[key.step]]

    # Joins

    def chosen_join(self, step: Step, chosen: tuple[str, ...]) -> Step | None:
        """The join that a task of this step arrives at when it is done; None: something else follows."""
        if step.transition == "SWITCH":
            target = chosen[0] if chosen else ""
        else:
            target = step.next[0] if step.transition == "LINEAR" else ""
        found = self.steps.get(target)
        return found if found is not None and found.joins else None

    @cached_property
    def undecided(self) -> frozenset[str]:
        """Joins of which only the run tells which tasks arrive there, for a switch is among the branches."""
        switches = [s for s in self.steps.values() if s.transition == "SWITCH"]
        inside = {s.opens[-1] for s in switches if s.opens}
        return frozenset(name for name in self.into if self.steps[name].joins in inside)

    def joined_by(self, join: Key, width: int, offset: int = 0, limit: int | None = None) -> list[Key]:
        """The tasks whose results a join that is not undecided gets, in order: by index for a foreach of this width,
        else by branch."""
        split, sources = self.steps[self.steps[join.step].joins], self.into[join.step]
        upto = width if limit is None else min(width, offset + limit)
        if split.transition == "FOREACH":
            return [join.at(sources[0], (*join.indexes, i)) for i in range(offset, upto)]
        return [join.at(source, join.indexes) for source in sources[offset:upto]]

    def foreach_steps(self, step: Step) -> list[Step]:
        """The open foreach steps around a step, outermost first: one per index of its tasks."""
        return [self.steps[name] for name in step.opens if self.steps[name].transition == "FOREACH"]


def _counted(loops: tuple[int, ...], level: int, by: int) -> tuple[int, ...]:
    padded = (*loops, *(0,) * (level + 1 - len(loops)))
    return trimmed((*padded[:level], padded[level] + by, *padded[level + 1 :]))


def _step(number: int, raw: dict[str, Any], place: Place, steps: dict[str, dict[str, Any]]) -> Step:
    retry, inner = raw.get("retry", {}), steps[place.opens[-1]] if place.opens else {}
    member = bool(inner.get("gang"))
    return Step(
        name=raw["name"],
        number=number,
        transition=transition(raw),
        next=tuple(raw.get("next", ())),
        foreach=raw.get("foreach", ""),
        joins=raw.get("joins", ""),
        pool=raw.get("pool") or DEFAULT_POOL,
        retries=int(retry.get("times", 0)),
        retry_delay=seconds(retry.get("delay", "")),
        catches="catch" in raw,
        opens=place.opens,
        branch=place.branches[-1] if place.branches else "",
        depth=sum(transition(steps[name]) == "FOREACH" for name in place.opens),
        gang=bool(raw.get("gang")),
        member=member,
        limits=tuple(dict.fromkeys(raw.get("concurrency", ()))),
        need=need_of(raw.get("resources", {})),
        json=raw,
    )
