"""Fans out --width trivial tasks that share processes, and joins them."""

from headwater import FlowSpec, Parameter, isolation, step


class FanoutReused(FlowSpec):
    width = Parameter("width", default=100, type=int)

    @step
    def start(self):
        self.items = list(range(self.width))
        self.next(self.work, foreach="items")

    @isolation("none")
    @step
    def work(self):
        self.y = self.input * 2
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(i.y for i in inputs)
        self.next(self.end)

    @step
    def end(self):
        assert self.total == self.width * (self.width - 1)
        print("BENCH package=%s" % FlowSpec.__module__.split(".")[0])


if __name__ == "__main__":
    FanoutReused()
