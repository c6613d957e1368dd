"""One step leaves a value, the next reads all of it; both say when."""

import resource
import time

import numpy

from headwater import FlowSpec, Parameter, step


class Data(FlowSpec):
    kind = Parameter("kind", default="random")
    mb = Parameter("mb", default=100)

    @step
    def start(self):
        if self.kind == "dicts":
            for number in range(1000):
                setattr(self, "d%d" % number, {"a": number, "b": str(number), "c": [number] * 2})
        elif self.kind == "zeros":
            self.x = numpy.zeros(self.mb << 17)
        else:
            self.x = numpy.random.rand(self.mb << 17)
        self.peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self.done = time.time()
        self.next(self.end)

    @step
    def end(self):
        began = time.perf_counter()
        if self.kind == "dicts":
            for number in range(1000):
                getattr(self, "d%d" % number)
        else:
            self.x.sum()
        self.took = time.perf_counter() - began


if __name__ == "__main__":
    Data()
