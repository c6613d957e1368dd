"""Random flows that are valid by construction, and how many tasks each must have: counted from how it was made, not
with the code under test."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st


def step(name: str, *targets: str, foreach: str = "", **more: Any) -> dict[str, Any]:
    """A step of a graph in JSON, with the transition that its targets suggest."""
    kind = "FOREACH" if foreach else ("END", "LINEAR")[len(targets)] if len(targets) < 2 else "SPLIT"
    return {"name": name, "transition": f"TRANSITION_{kind}", "next": list(targets), "foreach": foreach, **more}


def switch(name: str, *cases: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "transition": "TRANSITION_SWITCH", "next": list(cases), **more}


@dataclass(frozen=True)
class Plain:
    retries: int = 0
    catches: bool = False


@dataclass(frozen=True)
class Branches:
    blocks: tuple[tuple[Any, ...], ...]
    # The join behind it is also the step that opens the next split or foreach.
    merged: bool = False


@dataclass(frozen=True)
class Foreach:
    width: int
    block: tuple[Any, ...]
    merged: bool = False
    gang: bool = False


@dataclass(frozen=True)
class Switch:
    arms: tuple[tuple[Any, ...], ...]
    merged: bool = False


@dataclass(frozen=True)
class Loop:
    """Goes around until the number of rounds, of it and the loop around it, has the remainder `rest`."""

    block: tuple[Any, ...]
    rest: int


Block = tuple[Any, ...]


def width_of(base: int, indexes: tuple[int, ...]) -> int:
    """Not the same in every instance of a nested foreach."""
    return base + sum(indexes) % 2


def arm_of(arms: int, indexes: tuple[int, ...], loops: tuple[int, ...]) -> int:
    return (sum(indexes) + sum(loops)) % arms


def again(rest: int, rounds: int) -> bool:
    return rounds % (rest + 1) != rest


@dataclass
class Flow:
    """A graph made of a block: start → block → end."""

    block: Block
    steps: list[dict[str, Any]] = field(default_factory=list)
    # foreach step → its base width
    widths: dict[str, int] = field(default_factory=dict)
    # step that ends a loop → its remainder
    loops: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        start, end = {"name": "start"}, {"name": "end", "transition": "TRANSITION_END"}
        self.steps += [start]
        if self._opened_by_start:
            self._open(start, self.block, 0, "end")
        else:
            self._go(start, self._rest(self.block, 0, "end"))
        self.steps.append(end)

    @property
    def graph(self) -> dict[str, Any]:
        return {"flow": "F", "steps": self.steps, "start": "start", "end": "end"}

    @property
    def _opened_by_start(self) -> bool:
        return bool(self.block) and isinstance(self.block[0], OPENERS)

    def chosen(self, step: str, indexes: tuple[int, ...], loops: tuple[int, ...], level: int) -> str:
        """What a switch decides; level: that of its loops."""
        targets = next(s["next"] for s in self.steps if s["name"] == step)
        if step in self.loops:
            return targets[not again(self.loops[step], loops[level] if level < len(loops) else 0)]
        return targets[arm_of(len(targets), indexes, loops)]

    def _new(self, **more: Any) -> dict[str, Any]:
        self.steps.append({"name": f"s{len(self.steps)}"} | more)
        return self.steps[-1]

    def _go(self, step: dict[str, Any], target: str) -> None:
        step |= {"transition": "TRANSITION_LINEAR", "next": [target]}

    def _rest(self, block: Block, at: int, leave: str) -> str:
        """Name of the step with which block[at:] begins."""
        if at == len(block):
            return leave
        item = block[at]
        if isinstance(item, Plain):
            step = self._new(retry={"times": item.retries}, **({"catch": {}} if item.catches else {}))
            self._go(step, self._rest(block, at + 1, leave))
        elif isinstance(item, Loop):
            check = self._new(transition="TRANSITION_SWITCH")
            self.loops[check["name"]] = item.rest
            entry = self._rest(item.block, 0, check["name"])
            check["next"] = [entry, self._rest(block, at + 1, leave)]
            return entry
        else:
            step = self._new()
            self._open(step, block, at, leave)
        return step["name"]

    def _open(self, step: dict[str, Any], block: Block, at: int, leave: str) -> None:
        item = block[at]
        if isinstance(item, Switch):
            after = self._rest(block, at + 1, leave)
            targets = [self._rest(arm, 0, after) for arm in item.arms]
            step |= {"transition": "TRANSITION_SWITCH", "next": targets}
            return
        join = self._new(joins=step["name"])
        if isinstance(item, Branches):
            targets = [self._rest(branch, 0, join["name"]) for branch in item.blocks]
            step |= {"transition": "TRANSITION_SPLIT", "next": targets}
        else:
            self.widths[step["name"]] = item.width
            target = self._rest(item.block, 0, join["name"])
            step |= {"transition": "TRANSITION_FOREACH", "foreach": "xs", "next": [target]}
            step |= {"gang": True} if item.gang else {}
        if _merges(block, at):
            self._open(join, block, at + 1, leave)
        else:
            self._go(join, self._rest(block, at + 1, leave))

    @property
    def tasks(self) -> int:
        return 1 + _count(self.block, (), [0]) - self._opened_by_start + 1


OPENERS = (Branches, Foreach, Switch)


def _merges(block: Block, at: int) -> bool:
    after = block[at + 1] if at + 1 < len(block) else None
    return isinstance(block[at], Branches | Foreach) and block[at].merged and isinstance(after, OPENERS)


def _count(block: Block, indexes: tuple[int, ...], loops: list[int], inside: bool = False) -> int:
    """loops: rounds so far, per level; the last one grows. inside: of a loop, where counting goes on."""
    total = 0
    for at, item in enumerate(block):
        if isinstance(item, Plain):
            total += 1
        elif isinstance(item, Switch):
            total += 1 + _count(item.arms[arm_of(len(item.arms), indexes, tuple(loops))], indexes, loops, inside)
        elif isinstance(item, Loop):
            total += _rounds(item, indexes, loops, inside)
        else:
            total += 2 - _merges(block, at)  # the step that opens it, and the join
            if isinstance(item, Branches):
                total += sum(_count(branch, indexes, [*loops, 0], inside) for branch in item.blocks)
            else:
                width = width_of(item.width, indexes)
                total += sum(_count(item.block, (*indexes, i), [*loops, 0], inside) for i in range(width))
    return total


def _rounds(loop: Loop, indexes: tuple[int, ...], loops: list[int], inside: bool) -> int:
    total = 0
    while True:
        total += _count(loop.block, indexes, loops, True) + 1
        if not again(loop.rest, loops[-1]):
            loops[-1] *= inside
            return total
        loops[-1] += 1


plain = st.builds(Plain, retries=st.integers(0, 2), catches=st.booleans())


def _around(blocks: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    branches = st.builds(Branches, st.lists(blocks, min_size=2, max_size=3).map(tuple), merged=st.booleans())
    foreach = st.builds(Foreach, st.integers(1, 4), blocks, merged=st.booleans())
    gang = st.builds(Foreach, st.integers(1, 3), st.tuples(plain), merged=st.booleans(), gang=st.just(True))
    switch = st.builds(Switch, st.lists(blocks, min_size=2, max_size=3).map(tuple))
    loop = st.builds(Loop, blocks, st.integers(0, 2))
    return st.lists(st.one_of(plain, branches, foreach, gang, switch, loop), min_size=1, max_size=3).map(tuple)


blocks: st.SearchStrategy[Block] = st.recursive(
    st.lists(plain, min_size=1, max_size=2).map(tuple), _around, max_leaves=6
)


def flows(most_tasks: int = 300) -> st.SearchStrategy[Flow]:
    return st.builds(Flow, st.one_of(st.just(()), blocks)).filter(lambda flow: flow.tasks <= most_tasks)
