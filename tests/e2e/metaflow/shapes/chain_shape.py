"""Steps in a row, parameters of every type, values of many kinds."""

import datetime

from metaflow import FlowSpec, JSONType, Parameter, step
from trouble import maybe


class ChainShape(FlowSpec):
    marker = Parameter("marker", default="")
    count = Parameter("count", default=3)
    rate = Parameter("rate", default=0.5)
    deep = Parameter("deep", default=False)
    words = Parameter("words", default="a,b", separator=",")
    table = Parameter("table", type=JSONType, default='{"k": [1, 2]}')

    @step
    def start(self):
        self.seen = ["start"]
        self.day = datetime.date(2026, 1, 2)
        self.next(self.work)

    @step
    def work(self):
        maybe(self.marker)
        self.seen = [*self.seen, "work"]
        self.result = self.count * self.rate
        self.kept = {"words": list(self.words), "deep": self.deep, "k": self.table["k"]}
        self.next(self.end)

    @step
    def end(self):
        self.seen = [*self.seen, "end"]
        del self.kept["deep"]


if __name__ == "__main__":
    ChainShape()
