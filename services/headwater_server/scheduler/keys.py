"""Names of tasks. Inside of n open foreach steps a task has n indexes; TaskKey writes all but the last as `path`.

A step that a switch leads back to runs again under the same indexes: `loops` counts how often, per level of open
splits, outermost first, without zeros at the end. They stand behind a "~", in the path ("3~2") as in the task id.
"""

from dataclasses import dataclass

Indexes = tuple[int, ...]
LOOPS = "~"


@dataclass(frozen=True, slots=True)
class Key:
    """A task of a run, or the split that it opens."""

    run_id: str
    step: str
    indexes: Indexes
    loops: Indexes = ()

    @property
    def path(self) -> str:
        return joined(self.indexes[:-1]) + self._suffix

    @property
    def index(self) -> int:
        return self.indexes[-1] if self.indexes else 0

    @property
    def task_id(self) -> str:
        return (joined(self.indexes) or "0") + self._suffix

    @property
    def _suffix(self) -> str:
        return LOOPS + joined(self.loops) if self.loops else ""

    def at(self, step: str, indexes: Indexes) -> "Key":
        """Another step, as often gone around."""
        return Key(self.run_id, step, indexes, self.loops)


def joined(numbers: Indexes) -> str:
    return ".".join(map(str, numbers))


def numbers(text: str) -> Indexes:
    """The opposite of joined(). Raises ValueError."""
    return tuple(int(part) for part in text.split(".")) if text else ()


def indexes_of(path: str, index: int, depth: int) -> Indexes:
    """Indexes of a task whose step lies in `depth` foreach steps. Raises ValueError when they do not fit."""
    before = numbers(path.partition(LOOPS)[0])
    if len(before) != max(0, depth - 1) or (depth == 0 and index != 0) or index < 0:
        raise ValueError(f"path {path!r} and index {index} do not fit a step inside of {depth} foreach steps")
    return (*before, index) if depth else ()


def loops_of(path: str) -> Indexes:
    """The loops that a path, or the id of a task, ends with. Raises ValueError."""
    _, mark, text = path.partition(LOOPS)
    loops = numbers(text)
    if mark and (not loops or loops[-1] == 0 or min(loops) < 0):
        raise ValueError(f"path {path!r} does not say how often a loop was gone around")
    return loops


def trimmed(loops: Indexes) -> Indexes:
    while loops and loops[-1] == 0:
        loops = loops[:-1]
    return loops
