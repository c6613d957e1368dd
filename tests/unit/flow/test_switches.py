"""Switches, loops and gangs: what the source says of them, what lint says against them, what self.next does."""

import pytest

from headwater import FlowSpec, catch, parallel, step
from headwater.errors import FlowError
from headwater.flow.graph import flow_graph
from headwater.flow.lint import lint


class Recursive(FlowSpec):
    @step
    def start(self):
        self.next(self.work)

    @step
    def work(self):
        self.state = "again"
        self.next({"again": self.work, "good": self.fine, 3: self.poor}, condition="state")

    @step
    def fine(self):
        self.next(self.end)

    @step
    def poor(self):
        self.next(self.end)

    @step
    def end(self):
        pass


class BackToAnEarlierStep(FlowSpec):
    @step
    def start(self):
        self.next(self.work)

    @step
    def work(self):
        self.next(self.look)

    @step
    def look(self):
        self.next({True: self.work, False: self.end}, condition="more")

    @step
    def end(self):
        pass


class Gang(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=int("4"))

    @parallel
    @step
    def train(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


@pytest.mark.parametrize("cls", [Recursive, BackToAnEarlierStep, Gang])
def test_flows_that_can_run(cls):
    assert lint(cls) == []


def test_the_graph_says_what_the_scheduler_needs():
    steps = {each["name"]: each for each in flow_graph(Recursive)["steps"]}
    work = steps["work"]
    assert (work["transition"], work["condition"]) == ("TRANSITION_SWITCH", "state")
    assert work["next"] == ["work", "fine", "poor"]
    assert work["cases"][2] == {"value": "3", "step": "poor"}
    start = flow_graph(Gang)["steps"][0]
    assert (start["transition"], start["gang"], start["next"]) == ("TRANSITION_FOREACH", True, ["train"])


class NoDecorator(FlowSpec):
    @step
    def start(self):
        self.next(self.train, num_parallel=4)

    @step
    def train(self):
        self.next(self.join)

    join, end = Gang.join, Gang.end


class NoNumber(FlowSpec):
    @step
    def start(self):
        self.next(self.train)

    @parallel
    @step
    def train(self):
        self.next(self.end)

    end = Gang.end


class Variable(FlowSpec):
    @step
    def start(self):
        kind = "a"
        self.next({kind: self.a, "b": self.end}, condition="x")

    @step
    def a(self):
        self.next(self.end)

    end = Gang.end


class NoCondition(FlowSpec):
    @step
    def start(self):
        self.next({"a": self.end, "b": self.end})

    end = Gang.end


class Caught(FlowSpec):
    @catch
    @step
    def start(self):
        self.next({"a": self.a, "b": self.end}, condition="x")

    @step
    def a(self):
        self.next(self.end)

    end = Gang.end


class StraightIntoAJoin(FlowSpec):
    @step
    def start(self):
        self.next(self.a, self.b)

    @step
    def a(self):
        self.next({"x": self.c, "y": self.join}, condition="x")

    @step
    def b(self):
        self.next(self.join)

    @step
    def c(self):
        self.next(self.join)

    join, end = Gang.join, Gang.end


class Endless(FlowSpec):
    @step
    def start(self):
        self.next(self.a)

    @step
    def a(self):
        self.next({"x": self.a, "y": self.b}, condition="x")

    @step
    def b(self):
        self.next(self.a)

    end = Gang.end


class OutOfASplit(FlowSpec):
    @step
    def start(self):
        self.next(self.before)

    @step
    def before(self):
        self.next(self.a, foreach="xs")

    @step
    def a(self):
        self.next({"x": self.before, "y": self.c}, condition="x")

    @step
    def c(self):
        self.next(self.join)

    join, end = Gang.join, Gang.end


class Combined(FlowSpec):
    @step
    def start(self):
        self.next({"x": self.end, "y": self.end}, condition="x", foreach="xs")

    end = Gang.end


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (NoDecorator, "is called as a parallel step with self.next(num_parallel=..) but does not have a @parallel"),
        (NoNumber, "has a @parallel decorator, but is not called with self.next(num_parallel=...)"),
        (NoNumber, "An @parallel step should be followed by a join step"),
        (Variable, "the key `kind` of its switch is a variable"),
        (NoCondition, "dictionary argument requires 'condition' parameter"),
        (Caught, "@catch is not supported in conditional switch steps"),
        (StraightIntoAJoin, "A conditional path cannot lead directly to a join step"),
        (Endless, "no way leads from step start to end"),
        (OutOfASplit, "goes back to before, which is not inside of the same split"),
        (Combined, "condition= and foreach= cannot be combined"),
    ],
)
def test_flows_that_cannot_run(cls, message):
    assert [error for error in lint(cls) if message in error.message], lint(cls)


def _inside(cls, name, **artifacts):
    flow = cls(use_cli=False)
    flow._step_name = name
    vars(flow).update(artifacts)
    return flow


def test_a_switch_chooses_by_the_value():
    flow = _inside(Recursive, "work", state=3)
    flow.next({"again": flow.work, 3: flow.poor}, condition="state")
    assert flow._next.steps == ("poor",)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda f: f.next({"a": f.fine}, condition="state"),
            RuntimeError,
            "which is not in the available cases: .'a'.",
        ),
        (lambda f: f.next({"a": f.fine}), FlowError, "requires the 'condition' parameter"),
        (lambda f: f.next({}, condition="state"), FlowError, "single, non-empty dictionary"),
        (lambda f: f.next({"a": f.fine}, condition="other"), FlowError, "self.other in step work does not exist"),
        (lambda f: f.next({"a": f.fine}, condition="state", foreach="x"), FlowError, "cannot be combined"),
        (lambda f: f.next(f.fine, num_parallel=0), FlowError, "a whole number from 1, got 0"),
    ],
)
def test_what_no_switch_and_no_gang_can_be(call, error, message):
    with pytest.raises(error, match=message):
        call(_inside(Recursive, "work", state="unheard"))
