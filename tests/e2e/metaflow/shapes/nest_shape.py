"""A foreach inside of a foreach, and a branch inside of both."""

from metaflow import FlowSpec, Parameter, step
from trouble import maybe


class NestShape(FlowSpec):
    marker = Parameter("marker", default="")

    @step
    def start(self):
        self.rows = [1, 2]
        self.next(self.outer, foreach="rows")

    @step
    def outer(self):
        self.row = self.input
        self.columns = list(range(self.row))
        self.next(self.work, foreach="columns")

    @step
    def work(self):
        if (self.row, self.input) == (2, 1):
            maybe(self.marker)
        self.cell = (self.row, self.input)
        self.next(self.plus, self.minus)

    @step
    def plus(self):
        self.sign = sum(self.cell)
        self.next(self.both)

    @step
    def minus(self):
        self.sign = -sum(self.cell)
        self.next(self.both)

    @step
    def both(self, inputs):
        self.signs = [inputs.plus.sign, inputs.minus.sign]
        self.merge_artifacts(inputs, include=["cell", "row"])
        self.next(self.inner_join)

    @step
    def inner_join(self, inputs):
        self.cells = [(i.cell, i.signs) for i in inputs]
        self.merge_artifacts(inputs, include=["row"])
        self.next(self.outer_join)

    @step
    def outer_join(self, inputs):
        self.table = {i.row: i.cells for i in inputs}
        self.next(self.end)

    @step
    def end(self):
        self.total = sum(len(cells) for cells in self.table.values())


if __name__ == "__main__":
    NestShape()
