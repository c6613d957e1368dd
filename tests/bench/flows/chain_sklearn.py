"""Thirty trivial steps in a line, in a module that imports numpy, pandas and scikit-learn.

BENCH_PEER=metaflow|headwater chooses the package.
"""

import os
import time

import numpy  # noqa: F401
import pandas  # noqa: F401
import sklearn.linear_model  # noqa: F401

if os.environ.get("BENCH_PEER") == "metaflow":
    from metaflow import FlowSpec, step
else:
    from headwater import FlowSpec, step


def arrive(flow):
    """Notes how long it took from the last line of the step before to the first of this one."""
    flow.gaps = [*flow.gaps, time.time() - flow.left]


class ChainSklearn(FlowSpec):
    @step
    def start(self):
        self.gaps = []
        self.left = time.time()
        self.next(self.s01)

    @step
    def s01(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s02)

    @step
    def s02(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s03)

    @step
    def s03(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s04)

    @step
    def s04(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s05)

    @step
    def s05(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s06)

    @step
    def s06(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s07)

    @step
    def s07(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s08)

    @step
    def s08(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s09)

    @step
    def s09(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s10)

    @step
    def s10(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s11)

    @step
    def s11(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s12)

    @step
    def s12(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s13)

    @step
    def s13(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s14)

    @step
    def s14(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s15)

    @step
    def s15(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s16)

    @step
    def s16(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s17)

    @step
    def s17(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s18)

    @step
    def s18(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s19)

    @step
    def s19(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s20)

    @step
    def s20(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s21)

    @step
    def s21(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s22)

    @step
    def s22(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s23)

    @step
    def s23(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s24)

    @step
    def s24(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s25)

    @step
    def s25(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s26)

    @step
    def s26(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s27)

    @step
    def s27(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s28)

    @step
    def s28(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s29)

    @step
    def s29(self):
        arrive(self)
        self.left = time.time()
        self.next(self.s30)

    @step
    def s30(self):
        arrive(self)
        self.left = time.time()
        self.next(self.end)

    @step
    def end(self):
        arrive(self)
        print(
            "BENCH package=%s gaps_ms=%s"
            % (FlowSpec.__module__.split(".")[0], ",".join("%.3f" % (g * 1000) for g in self.gaps))
        )


if __name__ == "__main__":
    ChainSklearn()
