"""A flow that the client's tests look at: a foreach, an attempt that fails, a failure that stays, tags."""

from metaflow import FlowSpec, JSONType, Parameter, current, retry, step


class ClientTour(FlowSpec):
    width = Parameter("width", type=int, default=3)
    broken = Parameter("broken", type=bool, default=False)
    options = Parameter("options", type=JSONType, default='{"a": [1, 2]}')

    @step
    def start(self):
        print("hello from start")
        self.items = list(range(self.width))
        self.common = {"kept": True}
        self.next(self.branch, foreach="items")

    @retry(times=1, minutes_between_retries=0)
    @step
    def branch(self):
        print("item", self.input, "attempt", current.retry_count)
        if self.input == 1 and current.retry_count == 0:
            raise ValueError("the first attempt fails")
        self.square = self.input**2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(each.square for each in inputs)
        self.merge_artifacts(inputs, include=["common"])
        self.next(self.check)

    @step
    def check(self):
        if self.broken:
            raise RuntimeError("asked to break")
        self.next(self.end)

    @step
    def end(self):
        print("total", self.total)


if __name__ == "__main__":
    ClientTour()
