"""Inheritance in a diamond, endpoints with other names."""

from metaflow import FlowSpec, Parameter, step


class Base(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step(start=True)
    def begin(self):
        self.path = ["begin"]
        self.next(self.middle)


class Left(Base):
    left = Parameter("left", default="l")

    @step
    def middle(self):
        self.path = self.path + ["left"]
        self.next(self.finish)


class Right(Base):
    right = Parameter("right", default="r")

    @step(end=True)
    def finish(self):
        self.path = self.path + ["right", self.left, self.right, self.alpha]


class Shapes(Left, Right):
    word = "constant"


if __name__ == "__main__":
    Shapes()
