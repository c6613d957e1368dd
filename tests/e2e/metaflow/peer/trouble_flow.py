"""A step that fails, or sleeps, when it is told to."""

import os
import time

from metaflow import FlowSpec, step


class TroubleFlow(FlowSpec):
    @step
    def start(self):
        self.x = 1
        self.next(self.middle)

    @step
    def middle(self):
        if os.environ.get("TROUBLE") == "fail":
            raise ValueError("on purpose")
        if os.environ.get("TROUBLE") == "sleep":
            print("asleep", flush=True)
            time.sleep(600)
        self.x += 1
        self.next(self.end)

    @step
    def end(self):
        self.x += 1


if __name__ == "__main__":
    TroubleFlow()
