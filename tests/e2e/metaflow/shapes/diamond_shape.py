"""Branches inside of branches, joined by name, by number and by merge_artifacts."""

from metaflow import FlowSpec, Parameter, step
from trouble import maybe


class DiamondShape(FlowSpec):
    marker = Parameter("marker", default="")

    @step
    def start(self):
        self.base = 1
        self.shared = "same"
        self.next(self.left, self.work)

    @step
    def left(self):
        self.only_left = self.base + 10
        self.value = "left"
        self.next(self.join)

    @step
    def work(self):
        maybe(self.marker)
        self.only_right = self.base + 20
        self.value = "right"
        self.next(self.up, self.down)

    @step
    def up(self):
        self.height = 1
        self.next(self.middle)

    @step
    def down(self):
        self.height = -1
        self.next(self.middle)

    @step
    def middle(self, inputs):
        self.heights = [inputs.up.height, inputs.down.height, abs(inputs[0].height)]
        self.merge_artifacts(inputs, exclude=["height"])
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = sorted(i.value for i in inputs)  # Metaflow gives branches in no order
        self.value = inputs.left.value + "+" + inputs.middle.value
        self.merge_artifacts(inputs)
        self.next(self.end)

    @step
    def end(self):
        self.sum = self.only_left + self.only_right


if __name__ == "__main__":
    DiamondShape()
