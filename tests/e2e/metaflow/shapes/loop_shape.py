"""A switch, and a step that repeats itself until its condition says otherwise."""

from metaflow import FlowSpec, Parameter, step
from trouble import maybe


class LoopShape(FlowSpec):
    marker = Parameter("marker", default="")
    size = Parameter("size", default=3)

    @step
    def start(self):
        self.kind = "small" if self.size < 10 else "large"
        self.next({"small": self.work, "large": self.large}, condition="kind")

    @step
    def work(self):
        maybe(self.marker)
        self.rounds = 0
        self.next(self.turn)

    @step
    def large(self):
        self.rounds = 100
        self.next(self.turn)

    @step
    def turn(self):
        self.rounds += 1
        self.again = "yes" if self.rounds < self.size else "no"
        self.next({"yes": self.turn, "no": self.end}, condition="again")

    @step
    def end(self):
        self.done = self.rounds


if __name__ == "__main__":
    LoopShape()
