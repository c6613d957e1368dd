"""A loop by a switch, a switch inside of a foreach, a nested foreach over generators."""

from metaflow import FlowSpec, Parameter, step


class SwitchFlow(FlowSpec):
    rounds = Parameter("rounds", default=3, type=int)

    @step
    def start(self):
        self.n = 0
        self.seen = []
        self.next(self.loop)

    @step
    def loop(self):
        self.n += 1
        self.seen = [*self.seen, self.n]
        self.state = "again" if self.n < self.rounds else "done"
        self.next({"again": self.loop, "done": self.fan}, condition="state")

    @step
    def fan(self):
        self.items = (number * number for number in range(3))
        self.items = list(self.items)
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.x = self.input
        self.kind = "odd" if self.x % 2 else "even"
        self.next({"odd": self.odd, "even": self.even}, condition="kind")

    @step
    def odd(self):
        self.y = f"odd {self.x}"
        self.next(self.meet)

    @step
    def even(self):
        self.y = f"even {self.x}"
        self.next(self.meet)

    @step
    def meet(self):
        self.pairs = ["a", "b"]
        self.next(self.inner, foreach="pairs")

    @step
    def inner(self):
        self.stack = [(frame[0], frame[1]) for frame in self.foreach_stack()]
        self.next(self.close)

    @step
    def close(self, inputs):
        self.stacks = [each.stack for each in inputs]
        self.merge_artifacts(inputs, exclude=["stack"])
        self.next(self.join)

    @step
    def join(self, inputs):
        self.ys = [each.y for each in inputs]
        self.merge_artifacts(inputs, include=["n", "seen", "rounds"])
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    SwitchFlow()
