"""Every structural check of a flow, each with its message, line and fix."""

from pathlib import Path

import pytest

from headwater import FlowSpec, Parameter, catch, step
from headwater.flow.lint import lint


def _messages(cls):
    return [error.message for error in lint(cls)]


def _only(cls):
    errors = lint(cls)
    assert len(errors) == 1, errors
    return errors[0]


class Good(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.left, self.right)

    @step
    def left(self):
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.inner, foreach="items")

    @step
    def inner(self):
        self.next(self.close_inner)

    @step
    def close_inner(self, inputs):
        self.next(self.close_outer)

    @step
    def close_outer(self, inputs):
        self.next(self.join)

    @step
    def right(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


def test_a_balanced_flow_has_no_errors():
    assert lint(Good) == []


def test_missing_end_and_start():
    class Empty(FlowSpec):
        pass

    assert _messages(Empty) == ["the flow Empty has no step named 'end'", "the flow Empty has no step named 'start'"]
    assert all(error.file == __file__ and error.line for error in lint(Empty))


def test_missing_end_where_step_was_forgotten():
    class Forgot(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        def end(self):
            pass

    missing, unknown = sorted(lint(Forgot), key=lambda e: e.step)
    assert missing.fix == "put @step above `def end(self)`"
    assert "@step is missing there" in unknown.message


def test_unknown_next_step_suggests_a_name():
    class Typo(FlowSpec):
        @step
        def start(self):
            self.next(self.trian)

        @step
        def train(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    error = _only(Typo)
    assert error.step == "start"
    assert "self.trian, which is not a step; did you mean 'train'?" in error.message
    source = Path(__file__).read_text().splitlines()
    assert "self.trian" in source[error.line - 1]
    assert str(error).startswith(f"{__file__}:{error.line}: step 'start': ")
    assert "Fix: " in str(error)


def test_cycle_is_named():
    class Cycle(FlowSpec):
        @step
        def start(self):
            self.next(self.a)

        @step
        def a(self):
            self.next(self.b)

        @step
        def b(self):
            self.next(self.a)

        @step
        def end(self):
            pass

    assert "the flow has a cycle: a → b → a" in _only(Cycle).message


def test_orphan():
    class Orphan(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @step
        def lost(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    assert _only(Orphan).message == "no step leads here"
    assert _only(Orphan).step == "lost"


def test_join_without_inputs():
    class NoInputs(FlowSpec):
        @step
        def start(self):
            self.next(self.a, self.b)

        @step
        def a(self):
            self.next(self.join)

        @step
        def b(self):
            self.next(self.join)

        @step
        def join(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    error = next(e for e in lint(NoInputs) if e.step == "join")
    assert "takes no inputs" in error.message
    assert error.fix == "make it a join: def join(self, inputs)"


def test_split_without_join():
    class NoJoin(FlowSpec):
        @step
        def start(self):
            self.items = []
            self.next(self.a, foreach="items")

        @step
        def a(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    assert _only(NoJoin).message == "its foreach is never joined"


def test_join_without_split():
    class NoSplit(FlowSpec):
        @step
        def start(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass

    assert "no split or foreach is open after 'start'" in _only(NoSplit).message


def test_unbalanced_branches():
    class Unbalanced(FlowSpec):
        @step
        def start(self):
            self.items = []
            self.next(self.a, self.b)

        @step
        def a(self):
            self.next(self.deep, foreach="items")

        @step
        def deep(self):
            self.next(self.join)

        @step
        def b(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass

    assert any("joins steps of different branches" in message for message in _messages(Unbalanced))


def test_join_of_some_branches_only():
    class Partial(FlowSpec):
        @step
        def start(self):
            self.next(self.a, self.b, self.c)

        @step
        def a(self):
            self.next(self.join)

        @step
        def b(self):
            self.next(self.join)

        @step
        def c(self):
            self.next(self.end)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass

    assert any("not 'c'" in message for message in _messages(Partial))


def test_join_right_after_a_foreach():
    class Direct(FlowSpec):
        @step
        def start(self):
            self.items = []
            self.next(self.join, foreach="items")

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass

    assert _only(Direct).message == "follows the foreach of 'start' directly"


def test_step_without_next():
    class NoNext(FlowSpec):
        @step
        def start(self):
            self.x = 1

        @step
        def end(self):
            pass

    assert _only(NoNext).message == "does not call self.next"


def test_next_in_end():
    class NextInEnd(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            self.next(self.start)

    assert "'end' is the last step" in _only(NextInEnd).message


def test_next_is_not_the_last_statement():
    class Early(FlowSpec):
        @step
        def start(self):
            self.next(self.end)
            print("too late")

        @step
        def end(self):
            pass

    assert _only(Early).message == "self.next is not the last statement"


def test_next_twice_in_branches_of_an_if():
    class Twice(FlowSpec):
        @step
        def start(self):
            if self.index:
                self.next(self.a)
            else:
                self.next(self.end)

        @step
        def a(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    assert _messages(Twice) == ["calls self.next more than once"]


class ForeachNotText(FlowSpec):
    @step
    def start(self):
        self.next(self.end, foreach=self.items)

    @step
    def end(self):
        pass


class ForeachTwoSteps(FlowSpec):
    @step
    def start(self):
        self.next(self.end, self.start, foreach="items")

    @step
    def end(self):
        pass


class UnknownArgument(FlowSpec):
    @step
    def start(self):
        self.next(self.end, parallel=4)

    @step
    def end(self):
        pass


class NotAStep(FlowSpec):
    @step
    def start(self):
        self.next("end")

    @step
    def end(self):
        pass


class Switch(FlowSpec):
    @step
    def start(self):
        self.next({"a": self.end}, condition="x")

    @step
    def end(self):
        pass


class PrivateForeach(FlowSpec):
    @step
    def start(self):
        self.next(self.end, foreach="_items")

    @step
    def end(self):
        pass


@pytest.mark.parametrize(
    ("cls", "text", "fix"),
    [
        (ForeachNotText, "must be the name of an artifact as text", 'write foreach="items"'),
        (ForeachTwoSteps, "a foreach goes to exactly one step", "use self.next"),
        (UnknownArgument, "does not know the argument parallel", "use self.next"),
        (NotAStep, "is not a step written as self.<step>", "use self.next"),
        (Switch, "is a switch split but defines 1 transitions", "at least 2"),
        (PrivateForeach, "is not a name an artifact can have", "use the name of a list"),
    ],
)
def test_arguments_of_next(cls, text, fix):
    error = _only(cls)
    assert text in error.message
    assert fix in error.fix


def test_two_steps_of_one_name():
    class Double(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass

        @step
        def end(self):  # noqa: F811
            pass

    assert "there are two steps named 'end'" in _only(Double).message


def test_reserved_names_and_assignments():
    class Reserved(FlowSpec):
        alpha = Parameter("alpha", default=1)
        index = Parameter("idx", default=1)

        @step
        def start(self):
            self.alpha = 3
            self.input = 4
            self.end = 5
            self.next(self.end)

        @step
        def end(self):
            pass

    messages = _messages(Reserved)
    assert "the name self.index of a parameter is reserved" in messages
    assert "self.alpha is a parameter and cannot be assigned" in messages
    assert "self.input is reserved and cannot be assigned" in messages
    assert "self.end is a step and cannot be assigned" in messages


def test_signatures():
    class Signatures(FlowSpec):
        @step
        def start(self, inputs):
            self.next(self.a)

        @step
        def a(self, inputs, more):
            self.next(self.b)

        @step
        async def b(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    messages = _messages(Signatures)
    assert "'start' cannot be a join" in messages
    assert "takes 3 arguments" in messages
    assert "a step cannot be an async function" in messages


def test_catch_on_a_foreach_step():
    class CatchForeach(FlowSpec):
        @catch(var="problem")
        @step
        def start(self):
            self.items = []
            self.next(self.a, foreach="items")

        @step
        def a(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass

    assert "@catch cannot be on a step that starts a foreach" in _only(CatchForeach).message


def test_all_errors_are_found_at_once():
    class Many(FlowSpec):
        @step
        def start(self):
            self.next(self.nowhere)

        @step
        def a(self):
            pass

    assert len(lint(Many)) == 3
