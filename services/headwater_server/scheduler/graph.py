"""The shape of a flow as the scheduler needs it: what follows a step, what a join closes, how deep a step lies.

Checks a graph from outside: whatever language made it, a run that starts can reach its end. Pure.
"""

import re
from collections import deque
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from headwater_server.kit.errors import InvalidArgument
from headwater_server.scheduler.keys import Indexes, Key

DEFAULT_POOL = "default"
MAX_STEPS = 1000
# A token of a bus subject.
POOL = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Step:
    """One step. `opens` are the splits and foreach steps around it, outermost first; a join is outside of its own."""

    name: str
    number: int
    transition: str  # LINEAR, SPLIT, FOREACH or END
    next: tuple[str, ...]
    foreach: str
    joins: str
    pool: str
    retries: int
    retry_delay: float
    catches: bool
    opens: tuple[str, ...]
    depth: int
    json: dict[str, Any] = field(repr=False, compare=False)


class Plan:
    """A checked graph. Raises InvalidArgument, naming the step, when it is none."""

    def __init__(self, graph: dict[str, Any]) -> None:
        self.json = graph
        self.flow: str = graph.get("flow", "")
        self.start: str = graph.get("start") or "start"
        self.end: str = graph.get("end") or "end"
        raw = _named(graph)
        _check_edges(raw, self.start, self.end)
        order = _ordered(raw, self.start)
        opens = _opens(raw, order, self.start)
        self.steps = {
            name: _step(number, raw[name], opens[name], raw) for number, name in enumerate(raw) if name in opens
        }

    def __getitem__(self, name: str) -> Step:
        return self.steps[name]

    @cached_property
    def into(self) -> dict[str, tuple[str, ...]]:
        """Join → the steps that arrive at it, in the order of the graph."""
        return {
            name: tuple(s.name for s in self.steps.values() if name in s.next)
            for name, step in self.steps.items()
            if step.joins
        }

    def after(self, name: str) -> set[str]:
        """A step and all that can follow it."""
        found, queue = {name}, deque([name])
        while queue:
            for target in self.steps[queue.popleft()].next:
                if target not in found:
                    found.add(target)
                    queue.append(target)
        return found

    def split_of(self, join: Step, arriving: Key) -> Key:
        """The split that a task on its way into a join belongs to."""
        deeper = self.steps[join.joins].transition == "FOREACH"
        return arriving.at(join.joins, arriving.indexes[:-1] if deeper else arriving.indexes)

    def joined_by(self, join: Key, width: int) -> list[Key]:
        """The tasks whose results a join gets, in order: by index for a foreach of this width, else by branch."""
        sources = self.into[join.step]
        if self.steps[self.steps[join.step].joins].transition == "FOREACH":
            return [join.at(source, (*join.indexes, i)) for i in range(width) for source in sources]
        return [join.at(source, join.indexes) for source in sources]

    def parent_of(self, key: Key, parent: str) -> Key | None:
        """The task whose result is the input of a plain step."""
        if not parent:
            return None
        inner: Indexes = key.indexes[:-1] if self.steps[parent].transition == "FOREACH" else key.indexes
        return key.at(parent, inner)

    def foreach_steps(self, step: Step) -> list[Step]:
        """The open foreach steps around a step, outermost first: one per index of its tasks."""
        return [self.steps[name] for name in step.opens if self.steps[name].transition == "FOREACH"]


def _bad(message: str, hint: str = "") -> InvalidArgument:
    return InvalidArgument(f"graph: {message}", field="graph", hint=hint, reason="BAD_GRAPH")


def _named(graph: dict[str, Any]) -> dict[str, dict[str, Any]]:
    steps: dict[str, dict[str, Any]] = {}
    if not graph.get("steps"):
        raise _bad("it has no steps")
    if len(graph["steps"]) > MAX_STEPS:
        raise _bad(f"{len(graph['steps'])} steps are more than {MAX_STEPS}")
    for step in graph["steps"]:
        name = step.get("name", "")
        if not name.isidentifier() or len(name) > 128:
            raise _bad(f"{name!r} is no name of a step", "use letters, digits and _")
        if name in steps:
            raise _bad(f"two steps are named {name!r}")
        _check_settings(name, step)
        steps[name] = step
    return steps


def _check_settings(name: str, step: dict[str, Any]) -> None:
    pool = step.get("pool") or DEFAULT_POOL
    if not POOL.fullmatch(pool):
        raise _bad(f"step {name!r} names the pool {pool!r}", "letters, digits, _ and -, at most 64")
    retry = step.get("retry", {})
    if int(retry.get("times", 0)) < 0 or _seconds(retry.get("delay", "")) < 0:
        raise _bad(f"step {name!r} has a retry with a negative number")


def _seconds(duration: str) -> float:
    """Of google.protobuf.Duration in JSON: "1.5s"."""
    return float(duration.removesuffix("s") or 0)


def _transition(step: dict[str, Any]) -> str:
    return step.get("transition", "").removeprefix("TRANSITION_")


def _check_edges(steps: dict[str, dict[str, Any]], start: str, end: str) -> None:
    for role, name in (("start", start), ("end", end)):
        if name not in steps:
            raise _bad(f"there is no step {name!r} to {role} with")
    wanted = {"LINEAR": (1, 1), "FOREACH": (1, 1), "SPLIT": (2, MAX_STEPS), "END": (0, 0)}
    for name, step in steps.items():
        kind, targets = _transition(step), step.get("next", [])
        if kind not in wanted:
            raise _bad(f"step {name!r} has the transition {kind or 'none'!r}", f"one of {', '.join(wanted)}")
        least, most = wanted[kind]
        if not least <= len(targets) <= most:
            raise _bad(f"step {name!r} ({kind}) is followed by {len(targets)} steps")
        if (kind == "END") != (name == end):
            raise _bad(f"step {name!r} ({kind}): only the step {end!r} ends the flow")
        if kind == "FOREACH" and not step.get("foreach"):
            raise _bad(f"step {name!r} is a foreach without the name of an artifact")
        for target in targets:
            if target not in steps:
                raise _bad(f"step {name!r} goes on to {target!r}, which does not exist")
            if target == start:
                raise _bad(f"step {name!r} goes back to {start!r}")


def _ordered(steps: dict[str, dict[str, Any]], start: str) -> list[str]:
    """Reachable steps, each after all that lead to it."""
    reachable, queue = {start}, [start]
    while queue:
        for target in steps[queue.pop()].get("next", []):
            if target not in reachable:
                reachable.add(target)
                queue.append(target)
    if lost := [name for name in steps if name not in reachable]:
        raise _bad(f"nothing leads to step {lost[0]!r}")
    waiting = dict.fromkeys(reachable, 0)
    for name in reachable:
        for target in steps[name].get("next", []):
            waiting[target] += 1
    ready, order = [start], []
    while ready:
        order.append(ready.pop(0))
        for target in steps[order[-1]].get("next", []):
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    if len(order) < len(reachable):
        stuck = next(name for name in steps if waiting[name])
        raise _bad(f"step {stuck!r} is part of a cycle or behind one")
    return order


def _opens(steps: dict[str, dict[str, Any]], order: list[str], start: str) -> dict[str, tuple[str, ...]]:
    """Step → what is open around it. Every path into a step must agree, and a join must close the innermost."""
    arriving: dict[str, tuple[str, ...]] = {start: ()}
    for name in order:
        stack, joins = arriving[name], steps[name].get("joins", "")
        if joins:
            if not stack or stack[-1] != joins:
                raise _bad(f"step {name!r} joins {joins!r}, but {stack[-1] if stack else 'nothing'!r} is open there")
            arriving[name] = stack = stack[:-1]
        opening = _transition(steps[name]) in ("SPLIT", "FOREACH")
        for target in steps[name].get("next", []):
            if opening and steps[target].get("joins"):
                raise _bad(f"step {name!r} goes straight into the join {target!r}", "put a step between them")
            leaving = (*stack, name) if opening else stack
            if arriving.setdefault(target, leaving) != leaving:
                raise _bad(f"the ways into step {target!r} do not come from the same split", "add a join before it")
        if _transition(steps[name]) == "END" and stack:
            raise _bad(f"step {stack[-1]!r} splits, and no step joins it before {name!r}")
    _check_arrivals(steps)
    return arriving


def _check_arrivals(steps: dict[str, dict[str, Any]]) -> None:
    arrivals: dict[str, int] = {}
    for step in steps.values():
        for target in step.get("next", []):
            arrivals[target] = arrivals.get(target, 0) + 1
    for name, step in steps.items():
        joins = step.get("joins", "")
        if not joins and arrivals.get(name, 0) > 1:
            raise _bad(f"{arrivals[name]} steps lead to {name!r}, which is no join", "give it `inputs`")
        if joins:
            width = len(steps[joins].get("next", []))
            if arrivals.get(name, 0) != width:
                raise _bad(f"{arrivals.get(name, 0)} of the {width} branches of {joins!r} arrive at the join {name!r}")


def _step(number: int, raw: dict[str, Any], opens: tuple[str, ...], steps: dict[str, dict[str, Any]]) -> Step:
    retry = raw.get("retry", {})
    return Step(
        name=raw["name"],
        number=number,
        transition=_transition(raw),
        next=tuple(raw.get("next", ())),
        foreach=raw.get("foreach", ""),
        joins=raw.get("joins", ""),
        pool=raw.get("pool") or DEFAULT_POOL,
        retries=int(retry.get("times", 0)),
        retry_delay=_seconds(retry.get("delay", "")),
        catches="catch" in raw,
        opens=opens,
        depth=sum(_transition(steps[name]) == "FOREACH" for name in opens),
        json=raw,
    )
