"""Is a graph the shape of a flow? What is open around each of its steps, and which ways lead back.

Checks from outside: whatever language made it, a run that starts can reach its end. Pure.
"""

import re
from dataclasses import dataclass
from typing import Any

from headwater_server.kit.errors import InvalidArgument

DEFAULT_POOL = "default"
MAX_STEPS = 1000
# A token of a bus subject.
POOL = re.compile(r"[A-Za-z0-9_-]{1,64}")
ISOLATIONS = ("", "fork", "none", "process")
LIMIT = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")

Raw = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """Where a step lies. opens: the splits and foreach steps around it, outermost first; branches: per open split the
    step that begins the branch, of a foreach ""."""

    opens: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shape:
    """back: (from, to) of the transitions that begin another round of a loop; loops: step → number of the loop that it
    is part of; arrivals: join → steps leading there."""

    places: dict[str, Place]
    back: frozenset[tuple[str, str]]
    loops: dict[str, int]
    arrivals: dict[str, tuple[str, ...]]


def bad(message: str, hint: str = "") -> InvalidArgument:
    return InvalidArgument(f"graph: {message}", field="graph", hint=hint, reason="BAD_GRAPH")


def transition(step: dict[str, Any]) -> str:
    return step.get("transition", "").removeprefix("TRANSITION_")


def seconds(duration: str) -> float:
    """Of google.protobuf.Duration in JSON: "1.5s"."""
    return float(duration.removesuffix("s") or 0)


def shape_of(steps: Raw, start: str, end: str) -> Shape:
    """Raises InvalidArgument, naming the step."""
    _check_edges(steps, start, end)
    _check_reach(steps, start, end)
    back = _back(steps, start)
    order = _ordered(steps, start, back)
    places = _places(steps, order, start, back)
    arrivals = {name: tuple(s for s in steps if name in steps[s].get("next", ())) for name in steps}
    _check_joins(steps, places, arrivals)
    joins = {name: arrivals[name] for name, step in steps.items() if step.get("joins")}
    return Shape(places, back, _loops(steps, back), joins)


def named(graph: dict[str, Any]) -> Raw:
    """The steps by name, each with settings that make sense."""
    steps: Raw = {}
    if not graph.get("steps"):
        raise bad("it has no steps")
    if len(graph["steps"]) > MAX_STEPS:
        raise bad(f"{len(graph['steps'])} steps are more than {MAX_STEPS}")
    for step in graph["steps"]:
        name = step.get("name", "")
        if not name.isidentifier() or len(name) > 128:
            raise bad(f"{name!r} is no name of a step", "use letters, digits and _")
        if name in steps:
            raise bad(f"two steps are named {name!r}")
        _check_settings(name, step)
        steps[name] = step
    return steps


def _check_settings(name: str, step: dict[str, Any]) -> None:
    pool = step.get("pool") or DEFAULT_POOL
    if not POOL.fullmatch(pool):
        raise bad(f"step {name!r} names the pool {pool!r}", "letters, digits, _ and -, at most 64")
    retry = step.get("retry", {})
    if int(retry.get("times", 0)) < 0 or seconds(retry.get("delay", "")) < 0:
        raise bad(f"step {name!r} has a retry with a negative number")
    if (isolation := step.get("isolation", "")) not in ISOLATIONS:
        raise bad(f"step {name!r} has the isolation {isolation!r}", "one of fork, none, process")
    resources = step.get("resources", {})
    if min(float(resources.get(what, 0)) for what in ("cpu", "gpu", "memoryMb")) < 0:
        raise bad(f"step {name!r} asks for less than nothing of a machine")
    if step.get("maxLogMb", 0) < 0:
        raise bad(f"step {name!r} keeps less than nothing of its output")
    if isolation == "none" and float(resources.get("gpu", 0)):
        hint = 'a process that does one task after the other keeps its GPU; take isolation "fork" or "process"'
        raise bad(f'step {name!r} asks for GPUs and has the isolation "none"', hint)
    for limit in step.get("concurrency", ()):
        if not LIMIT.fullmatch(limit):
            raise bad(f"step {name!r} names the limit {limit!r}", "letters, digits, _ - . : and /, at most 128")


def _check_edges(steps: Raw, start: str, end: str) -> None:
    for role, name in (("start", start), ("end", end)):
        if name not in steps:
            raise bad(f"there is no step {name!r} to {role} with")
    wanted = {
        "LINEAR": (1, 1),
        "FOREACH": (1, 1),
        "SPLIT": (2, MAX_STEPS),
        "SWITCH": (1, MAX_STEPS),
        "END": (0, 0),
    }
    for name, step in steps.items():
        kind, targets = transition(step), step.get("next", [])
        if kind not in wanted:
            raise bad(f"step {name!r} has the transition {kind or 'none'!r}", f"one of {', '.join(wanted)}")
        least, most = wanted[kind]
        if not least <= len(targets) <= most:
            raise bad(f"step {name!r} ({kind}) is followed by {len(targets)} steps")
        if len(set(targets)) < len(targets):
            raise bad(f"step {name!r} names a successor twice")
        if (kind == "END") != (name == end):
            raise bad(f"step {name!r} ({kind}): only the step {end!r} ends the flow")
        if kind == "FOREACH" and not (step.get("foreach") or step.get("gang")):
            raise bad(f"step {name!r} is a foreach without the name of an artifact")
        if kind == "SWITCH" and "catch" in step:
            raise bad(f"step {name!r} is a switch and catches failures: which way would it go on?")
        if step.get("gang") and kind != "FOREACH":
            raise bad(f"step {name!r} ({kind}) starts a gang, which only a foreach can")
        for target in targets:
            if target not in steps:
                raise bad(f"step {name!r} goes on to {target!r}, which does not exist")
            if target == start:
                raise bad(f"step {name!r} goes back to {start!r}")


def _check_reach(steps: Raw, start: str, end: str) -> None:
    forward = {name: list(step.get("next", ())) for name, step in steps.items()}
    backward: dict[str, list[str]] = {name: [] for name in steps}
    for name, targets in forward.items():
        for target in targets:
            backward[target].append(name)
    from_start, to_end = _reachable(forward, start), _reachable(backward, end)
    if stuck := [name for name in steps if name in from_start - to_end]:
        circular = [name for name in stuck if any(name in _reachable(forward, target) for target in forward[name])]
        name = (circular or stuck)[0]
        raise bad(f"step {name!r} is part of a cycle or behind one", "a switch can lead out of a loop")
    for name in steps:
        if name not in from_start:
            raise bad(f"nothing leads to step {name!r}")


def _reachable(edges: dict[str, list[str]], begin: str) -> set[str]:
    found, queue = {begin}, [begin]
    while queue:
        for target in edges[queue.pop()]:
            if target not in found:
                found.add(target)
                queue.append(target)
    return found


def _back(steps: Raw, start: str) -> frozenset[tuple[str, str]]:
    """The transitions without which no way leads in a circle: those to a step that the walk is still inside of."""
    back: set[tuple[str, str]] = set()
    inside, done = {start}, set[str]()
    path = [(start, iter(steps[start].get("next", ())))]
    while path:
        name, targets = path[-1]
        target = next(targets, None)
        if target is None:
            path.pop()
            inside.discard(name)
            done.add(name)
        elif target in inside:
            back.add((name, target))
        elif target not in done:
            inside.add(target)
            path.append((target, iter(steps[target].get("next", ()))))
    return frozenset(back)


def _loops(steps: Raw, back: frozenset[tuple[str, str]]) -> dict[str, int]:
    """Steps from which ways lead to each other are of one loop."""
    forward = {name: list(step.get("next", ())) for name, step in steps.items()}
    found: list[set[str]] = []
    for source, target in sorted(back):
        loop = {name for name in _reachable(forward, target) if source in _reachable(forward, name)}
        if loop not in found:
            found.append(loop)
    return {name: number for number, loop in enumerate(found, 1) for name in loop}


def _ordered(steps: Raw, start: str, back: frozenset[tuple[str, str]]) -> list[str]:
    """The steps, each after all that lead to it, but for another round."""
    waiting = dict.fromkeys(steps, 0)
    for name, step in steps.items():
        for target in step.get("next", ()):
            waiting[target] += (name, target) not in back
    ready, order = [start], []
    while ready:
        order.append(ready.pop(0))
        for target in steps[order[-1]].get("next", ()):
            if (order[-1], target) not in back:
                waiting[target] -= 1
                if waiting[target] == 0:
                    ready.append(target)
    return order


def _places(steps: Raw, order: list[str], start: str, back: frozenset[tuple[str, str]]) -> dict[str, Place]:
    """Every way into a step must agree, and a join must close the innermost split."""
    arriving: dict[str, Place] = {start: Place()}
    for name in order:
        place, joins = arriving[name], steps[name].get("joins", "")
        if joins:
            if not place.opens or place.opens[-1] != joins:
                inner = place.opens[-1] if place.opens else "nothing"
                raise bad(f"step {name!r} joins {joins!r}, but {inner!r} is open there")
            arriving[name] = place = Place(place.opens[:-1], place.branches[:-1])
        for target in steps[name].get("next", ()):
            leaving = _leaving(name, target, place, steps)
            if (name, target) in back:
                if steps[target].get("joins") or arriving[target] != leaving:
                    raise bad(f"step {name!r} goes back to {target!r}, which is not inside of the same split")
                continue
            known = arriving.setdefault(target, leaving)
            if known.opens != leaving.opens or known.branches[:-1] != leaving.branches[:-1]:
                raise bad(f"the ways into step {target!r} do not come from the same split", "add a join before it")
            if not steps[target].get("joins") and known != leaving:
                count = sum(target in step.get("next", ()) for step in steps.values())
                raise bad(f"{count} steps lead to {target!r}, which is no join", "give it `inputs`")
        if transition(steps[name]) == "END" and place.opens:
            raise bad(f"step {place.opens[-1]!r} splits, and no step joins it before {name!r}")
    return arriving


def _leaving(name: str, target: str, place: Place, steps: Raw) -> Place:
    kind = transition(steps[name])
    if kind not in ("SPLIT", "FOREACH"):
        return place
    if steps[target].get("joins"):
        raise bad(f"step {name!r} goes straight into the join {target!r}", "put a step between them")
    return Place((*place.opens, name), (*place.branches, target if kind == "SPLIT" else ""))


def _check_joins(steps: Raw, places: dict[str, Place], arrivals: dict[str, tuple[str, ...]]) -> None:
    closed: dict[str, str] = {}
    for name, step in steps.items():
        joins = step.get("joins", "")
        if not joins:
            continue
        if joins in closed:
            raise bad(f"{closed[joins]!r} and {name!r} both join {joins!r}", "let all its branches lead to one join")
        closed[joins] = name
        if transition(steps[joins]) == "SPLIT":
            branches = steps[joins]["next"]
            found = {places[source].branches[-1] for source in arrivals[name]}
            if found != set(branches):
                raise bad(f"{len(found)} of the {len(branches)} branches of {joins!r} arrive at the join {name!r}")
    for name, step in steps.items():
        if step.get("gang"):
            member = step["next"][0]
            after = steps[member].get("next", [])
            if transition(steps[member]) != "LINEAR" or not steps[after[0]].get("joins"):
                raise bad(f"step {name!r} starts a gang, so {member!r} must go on to a join and to nothing else")
