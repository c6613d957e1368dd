"""Three steps, the last of which fails while a file is there: what `resume` costs."""

import os

if os.environ.get("BENCH_PEER") == "metaflow":
    from metaflow import FlowSpec, Parameter, step
else:
    from headwater import FlowSpec, Parameter, step


class Broken(FlowSpec):
    broken = Parameter("broken", default="")

    @step
    def start(self):
        self.x = 1
        self.next(self.middle)

    @step
    def middle(self):
        self.y = self.x + 1
        self.next(self.end)

    @step
    def end(self):
        if os.path.exists(self.broken):
            raise ValueError("broken")
        print("BENCH package=%s" % FlowSpec.__module__.split(".")[0])


if __name__ == "__main__":
    Broken()
