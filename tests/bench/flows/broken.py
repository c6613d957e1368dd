"""Three steps, the last of which fails while the file BENCH_DIR/broken is there: what `resume` costs."""

import os

if os.environ.get("BENCH_PEER") == "metaflow":
    from metaflow import FlowSpec, step
else:
    from headwater import FlowSpec, step


class Broken(FlowSpec):
    @step
    def start(self):
        self.x = 1
        self.broken = os.path.join(os.environ.get("BENCH_DIR", "."), "broken")
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
