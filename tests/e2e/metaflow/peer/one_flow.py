"""The shortest of flows."""

from metaflow import FlowSpec, step


class OneFlow(FlowSpec):
    @step
    def start(self):
        self.x = 1
        self.next(self.end)

    @step
    def end(self):
        self.x += 1


if __name__ == "__main__":
    OneFlow()
