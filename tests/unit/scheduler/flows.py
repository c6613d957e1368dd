"""Random flows that are valid by construction, and how many tasks each must have: counted from how it was made, not
with the code under test."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st


def step(name: str, *targets: str, foreach: str = "", **more: Any) -> dict[str, Any]:
    """A step of a graph in JSON, with the transition that its targets suggest."""
    kind = "FOREACH" if foreach else ("END", "LINEAR")[len(targets)] if len(targets) < 2 else "SPLIT"
    return {"name": name, "transition": f"TRANSITION_{kind}", "next": list(targets), "foreach": foreach, **more}


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


Block = tuple[Any, ...]


def width_of(base: int, indexes: tuple[int, ...]) -> int:
    """Not the same in every instance of a nested foreach."""
    return base + sum(indexes) % 2


@dataclass
class Flow:
    """A graph made of a block: start → block → end."""

    block: Block
    steps: list[dict[str, Any]] = field(default_factory=list)
    # foreach step → its base width
    widths: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        start, end = {"name": "start"}, {"name": "end", "transition": "TRANSITION_END"}
        self.steps += [start]
        if self.block and not isinstance(self.block[0], Plain):
            self._open(start, self.block, 0, "end")
        else:
            self._go(start, self._rest(self.block, 0, "end"))
        self.steps.append(end)

    @property
    def graph(self) -> dict[str, Any]:
        return {"flow": "F", "steps": self.steps, "start": "start", "end": "end"}

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
        else:
            step = self._new()
            self._open(step, block, at, leave)
        return step["name"]

    def _open(self, step: dict[str, Any], block: Block, at: int, leave: str) -> None:
        item = block[at]
        join = self._new(joins=step["name"])
        if isinstance(item, Branches):
            targets = [self._rest(branch, 0, join["name"]) for branch in item.blocks]
            step |= {"transition": "TRANSITION_SPLIT", "next": targets}
        else:
            self.widths[step["name"]] = item.width
            target = self._rest(item.block, 0, join["name"])
            step |= {"transition": "TRANSITION_FOREACH", "foreach": "xs", "next": [target]}
        if _merges(block, at):
            self._open(join, block, at + 1, leave)
        else:
            self._go(join, self._rest(block, at + 1, leave))

    @property
    def tasks(self) -> int:
        opened_by_start = bool(self.block) and not isinstance(self.block[0], Plain)
        return 1 + _count(self.block, ()) - opened_by_start + 1


def _merges(block: Block, at: int) -> bool:
    return block[at].merged and at + 1 < len(block) and not isinstance(block[at + 1], Plain)


def _count(block: Block, indexes: tuple[int, ...]) -> int:
    total = 0
    for at, item in enumerate(block):
        if isinstance(item, Plain):
            total += 1
            continue
        if isinstance(item, Branches):
            total += sum(_count(branch, indexes) for branch in item.blocks)
        else:
            total += sum(_count(item.block, (*indexes, i)) for i in range(width_of(item.width, indexes)))
        total += 2 - _merges(block, at)  # the step that opens it, and the join
    return total


plain = st.builds(Plain, retries=st.integers(0, 2), catches=st.booleans())


def _around(blocks: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    branches = st.builds(Branches, st.lists(blocks, min_size=2, max_size=3).map(tuple), merged=st.booleans())
    foreach = st.builds(Foreach, st.integers(1, 4), blocks, merged=st.booleans())
    return st.lists(st.one_of(plain, branches, foreach), min_size=1, max_size=3).map(tuple)


blocks: st.SearchStrategy[Block] = st.recursive(
    st.lists(plain, min_size=1, max_size=2).map(tuple), _around, max_leaves=6
)


def flows(most_tasks: int = 300) -> st.SearchStrategy[Flow]:
    return st.builds(Flow, st.one_of(st.just(()), blocks)).filter(lambda flow: flow.tasks <= most_tasks)
