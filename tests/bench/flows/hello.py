"""Three trivial steps in a line. Runs under either package: BENCH_PEER=metaflow|headwater."""

import os

if os.environ.get("BENCH_PEER") == "metaflow":
    from metaflow import FlowSpec, step
else:
    from headwater import FlowSpec, step


class Hello(FlowSpec):
    @step
    def start(self):
        self.x = 1
        self.next(self.middle)

    @step
    def middle(self):
        self.x += 1
        self.next(self.end)

    @step
    def end(self):
        assert self.x == 2
        print("BENCH package=%s" % FlowSpec.__module__.split(".")[0])


if __name__ == "__main__":
    Hello()
