"""Three steps; the middle one fails while the file of --flag exists, and waits while the file of --hold does."""

import os
import time

from headwater import FlowSpec, Parameter, current, step


class Linear(FlowSpec):
    flag = Parameter("flag", default="")
    hold = Parameter("hold", default="")

    @step
    def start(self):
        self.first_run = current.run_id
        self.next(self.middle)

    @step
    def middle(self):
        while self.hold and os.path.exists(self.hold):  # noqa: PTH110
            time.sleep(0.01)
        if self.flag and os.path.exists(self.flag):  # noqa: PTH110
            raise RuntimeError("asked to fail")
        self.doubled = [2] * 3
        self.next(self.end)

    @step
    def end(self):
        print("first run", self.first_run, "doubled", self.doubled)


if __name__ == "__main__":
    Linear()
