"""A flow whose artifact is large enough to go to S3."""

import os

from headwater import FlowSpec, step


class TracedFlow(FlowSpec):
    @step
    def start(self):
        self.blob = os.urandom(1 << 20)
        self.next(self.end)

    @step
    def end(self):
        print(len(self.blob))


if __name__ == "__main__":
    TracedFlow()
