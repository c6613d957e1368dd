"""Five trivial steps in a line, of which many runs compete for the slots."""

import time

from headwater import FlowSpec, step


class Short(FlowSpec):
    @step
    def start(self):
        self.gaps = []
        self.left = time.time()
        self.next(self.a)

    @step
    def a(self):
        self._arrive()
        self.next(self.b)

    @step
    def b(self):
        self._arrive()
        self.next(self.c)

    @step
    def c(self):
        self._arrive()
        self.next(self.end)

    @step
    def end(self):
        self._arrive()

    def _arrive(self):
        self.gaps = [*self.gaps, time.time() - self.left]
        self.left = time.time()


if __name__ == "__main__":
    Short()
