"""The graph a flow class makes: protobuf JSON, joins, inheritance, decorators, docs and lines."""

import functools
from pathlib import Path

from google.protobuf import json_format

from headwater import FlowSpec, catch, pool, resources, retry, step, timeout
from headwater.api.scheduler.v1 import graph_pb2
from headwater.flow.graph import duration, flow_graph
from headwater.flow.lint import lint


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


def _steps(cls):
    return {each["name"]: each for each in flow_graph(cls)["steps"]}


def test_graph_is_what_the_scheduler_reads():
    message = json_format.ParseDict(flow_graph(Decorated), graph_pb2.Graph())
    by_name = {each.name: each for each in message.steps}
    start = by_name["start"]
    assert message.flow == "Decorated"
    assert (message.start, message.end) == ("start", "end")
    assert message.doc == "Does two things.\n\nIndented:\n    yes"
    assert start.retry.times == 5
    assert start.retry.delay.ToTimedelta().total_seconds() == 0.5
    assert start.timeout.ToTimedelta().total_seconds() == 90
    assert start.HasField("catch")
    assert start.catch.var == "problem"
    assert (start.resources.cpu, start.resources.gpu, start.resources.memory_mb) == (2, 1, 8000)
    assert start.pool == "gpu"
    assert list(start.decorators) == ["retry", "timeout", "catch", "resources", "pool"]
    assert start.transition == graph_pb2.TRANSITION_LINEAR
    assert by_name["end"].transition == graph_pb2.TRANSITION_END
    assert by_name["end"].HasField("catch")
    assert "def start" in Path(__file__).read_text().splitlines()[start.line - 1]


class Decorated(FlowSpec):
    """
    Does two things.

    Indented:
        yes
    """

    @retry(times=5, seconds_between_retries=0.5)
    @timeout(minutes=1, seconds=30)
    @catch(var="problem")
    @resources(cpu=2, gpu=1, memory=8000)
    @pool("gpu")
    @step
    def start(self):
        "Begins."
        self.next(self.end)

    @catch
    @step
    def end(self):
        pass


def test_joins_name_the_step_they_close():
    joins = {name: body.get("joins", "") for name, body in _steps(Good).items()}
    assert {name: opener for name, opener in joins.items() if opener} == {
        "close_inner": "work",
        "close_outer": "left",
        "join": "start",
    }


def test_steps_come_in_an_order_they_can_run_in():
    names = [each["name"] for each in flow_graph(Good)["steps"]]
    assert names[0] == "start"
    assert names[-1] == "end"
    for body in flow_graph(Good)["steps"]:
        assert all(names.index(body["name"]) < names.index(target) for target in body.get("next", []))


def test_a_join_may_split_again():
    class Twice(FlowSpec):
        @step
        def start(self):
            self.next(self.a, self.b)

        @step
        def a(self):
            self.next(self.middle)

        @step
        def b(self):
            self.next(self.middle)

        @step
        def middle(self, inputs):
            self.next(self.c, self.d)

        @step
        def c(self):
            self.next(self.last)

        @step
        def d(self):
            self.next(self.last)

        @step
        def last(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass

    steps = _steps(Twice)
    assert steps["middle"]["joins"] == "start"
    assert steps["middle"]["transition"] == "TRANSITION_SPLIT"
    assert steps["last"]["joins"] == "middle"


class Base(FlowSpec):
    @step
    def start(self):
        self.next(self.work)

    @step
    def work(self):
        self.next(self.end)

    @step
    def end(self):
        pass


class Child(Base):
    @retry
    @step
    def work(self):
        self.next(self.extra)

    @step
    def extra(self):
        self.next(self.end)


def test_steps_are_inherited_and_replaced():
    steps = _steps(Child)
    assert list(steps) == ["start", "work", "extra", "end"]
    assert steps["work"]["retry"] == {"times": 3, "delay": "120s"}
    assert "retry" not in _steps(Base)["work"]


def test_wrapped_steps_are_read_through_the_wrapper():
    def logged(function):
        @functools.wraps(function)
        def wrapper(self):
            return function(self)

        return wrapper

    class Wrapped(FlowSpec):
        @step
        @logged
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    assert _steps(Wrapped)["start"]["next"] == ["end"]


def test_another_name_for_self():
    class This(FlowSpec):
        @step
        def start(this):
            this.next(this.end)

        @step
        def end(this):
            pass

    assert _steps(This)["start"]["next"] == ["end"]


def test_durations():
    assert [duration(x) for x in (1.5, 120, 0.001, 0)] == ["1.5s", "120s", "0.001s", "0s"]


def test_endpoints_with_other_names():
    class Named(FlowSpec):
        @step
        def finish(self):
            pass

        @step
        def begin(self):
            self.next(self.finish)

    class Marked(FlowSpec):
        @step(start=True)
        def here(self):
            self.next(self.there)

        @step(end=True)
        def there(self):
            pass

    class Alone(FlowSpec):
        @step
        def only(self):
            pass

    found = [(flow_graph(cls)["start"], flow_graph(cls)["end"]) for cls in (Named, Marked, Alone)]
    assert found == [("begin", "finish"), ("here", "there"), ("only", "only")]
    assert [lint(cls) for cls in (Named, Marked, Alone)] == [[], [], []]


def test_endpoints_that_are_not_clear():
    class Both(FlowSpec):
        @step
        def start(self):
            self.next(self.last)

        @step(end=True)
        def last(self):
            pass

        @step(start=True)
        def first(self):
            self.next(self.last)

    assert any(e.message.startswith("Ambiguous start step: step 'first' is annotated") for e in lint(Both))
