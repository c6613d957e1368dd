"""Says which of its steps run."""

import helper

from headwater import FlowSpec, IncludeFile, Parameter, current, no_cache, step


class Reuse(FlowSpec):
    alpha = Parameter("alpha", default=1)
    table = IncludeFile("table", default="table.csv")

    @step
    def start(self):
        print("ran start")
        self.rows = helper.rows(self.table)
        self.next(self.load, foreach="rows")

    @step
    def load(self):
        print("ran load", self.input)
        self.row = len(self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        print("ran join")
        self.rows = sorted(each.row for each in inputs)
        self.next(self.fit)

    @step
    def fit(self):
        print("ran fit")
        self.model = [self.alpha * row for row in self.rows]
        self.next(self.report)

    @no_cache
    @step
    def report(self):
        print("ran report")
        self.best = max(self.model) > 0
        self.next(self.end)

    @step
    def end(self):
        print("ran end", self.best, current.flow_name)


if __name__ == "__main__":
    Reuse()
