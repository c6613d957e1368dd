"""Arithmetic of splits: a foreach is one row whatever its width, and its tasks are made when there is room for them."""

from dataclasses import dataclass

# Facts of the start of a task are left out, and traces are separate, where a foreach is wider than this.
WIDE = 100
WIDEST = 1_000_000
# A slot is given at most this part of the branches that are left to run one after another: others want some, too.
SHARE = 8
# Members of one gang: they get their slots in one transaction.
WIDEST_GANG = 256


@dataclass
class Split:
    """The counters of one split during one transaction."""

    width: int
    next_index: int
    remaining: int
    # Has a branch been taken in this transaction?
    moved: bool = False

    @property
    def complete(self) -> bool:
        return self.remaining == 0

    @property
    def share(self) -> int:
        """So many branches one slot may be given at once."""
        return (self.width - self.next_index) // SHARE

    def take(self) -> int | None:
        """The next branch that has no task yet."""
        if self.next_index >= self.width:
            return None
        self.next_index, self.moved = self.next_index + 1, True
        return self.next_index - 1


def is_wide(widths: tuple[int, ...]) -> bool:
    total = 1
    for width in widths:
        total *= width
    return total > WIDE
