"""Names of tasks. Inside of n open foreach steps a task has n indexes; TaskKey writes all but the last as `path`."""

from dataclasses import dataclass

Indexes = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Key:
    """A task of a run, or the split that it opens."""

    run_id: str
    step: str
    indexes: Indexes

    @property
    def path(self) -> str:
        return joined(self.indexes[:-1])

    @property
    def index(self) -> int:
        return self.indexes[-1] if self.indexes else 0

    @property
    def task_id(self) -> str:
        return joined(self.indexes) or "0"

    def at(self, step: str, indexes: Indexes) -> "Key":
        return Key(self.run_id, step, indexes)


def joined(numbers: Indexes) -> str:
    return ".".join(map(str, numbers))


def numbers(text: str) -> Indexes:
    """The opposite of joined(). Raises ValueError."""
    return tuple(int(part) for part in text.split(".")) if text else ()


def indexes_of(path: str, index: int, depth: int) -> Indexes:
    """Indexes of a task whose step lies in `depth` foreach steps. Raises ValueError when they do not fit."""
    before = numbers(path)
    if len(before) != max(0, depth - 1) or (depth == 0 and index != 0) or index < 0:
        raise ValueError(f"path {path!r} and index {index} do not fit a step inside of {depth} foreach steps")
    return (*before, index) if depth else ()
