"""A foreach with a chain inside; then one over a single item."""

from metaflow import FlowSpec, Parameter, current, step
from trouble import maybe


class FanShape(FlowSpec):
    marker = Parameter("marker", default="")

    @step
    def start(self):
        self.letters = list("abcd")
        self.next(self.work, foreach="letters")

    @step
    def work(self):
        if self.index == 2:
            maybe(self.marker)
        self.letter = self.input.upper()
        self.place = (self.index, [tuple(frame)[1:] for frame in self.foreach_stack()])
        self.next(self.more)

    @step
    def more(self):
        self.letter += self.input
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.all = [i.letter for i in inputs]
        self.places = [i.place for i in inputs]
        self.next(self.fork)

    @step
    def fork(self):
        self.single = ["one"]
        self.next(self.lonely, foreach="single")

    @step
    def lonely(self):
        self.got = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.got = [i.got for i in inputs]
        self.merge_artifacts(inputs, include=["all"])
        self.where = current.step_name
        self.next(self.end)

    @step
    def end(self):
        self.text = "".join(self.all)


if __name__ == "__main__":
    FanShape()
