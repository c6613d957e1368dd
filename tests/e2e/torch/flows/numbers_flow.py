"""Has torch at hand, and does not need it."""

import sys

from headwater import FlowSpec, step


class NumbersFlow(FlowSpec):
    @step
    def start(self):
        self.numbers = {"a": [1, 2, 3]}
        self.next(self.end)

    @step
    def end(self):
        self.sum = sum(self.numbers["a"])
        self.loaded = "torch" in sys.modules


if __name__ == "__main__":
    NumbersFlow()
