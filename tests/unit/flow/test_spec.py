"""FlowSpec inside a step: artifacts, next, foreach, merge_artifacts, current."""

import pytest

import headwater
from headwater import FlowSpec, Parameter, current, step
from headwater.errors import FlowError
from headwater.flow.spec import NextCall


class Work(FlowSpec):
    alpha = Parameter("alpha", default=1)

    @step
    def start(self):
        self.next(self.middle)

    @step
    def middle(self):
        self.next(self.end)

    @step
    def end(self):
        pass

    def helper(self):
        pass


class Store:
    """Inherited artifacts of a test."""

    def __init__(self, **values):
        self.values = values
        self.loads = []

    def load(self, name):
        self.loads.append(name)
        return self.values[name]

    def names(self):
        return list(self.values)


def _flow(**values):
    flow = Work(use_cli=False)
    flow._store = Store(**values)
    return flow


def test_inherited_artifacts_are_loaded_once_and_on_demand():
    flow = _flow(x=[1], y=2)
    assert flow._store.loads == []
    assert flow.x == [1]
    assert flow.x is flow.x
    assert flow._store.loads == ["x"]
    assert not hasattr(flow, "_private")


def test_missing_artifact_says_what_is_there():
    with pytest.raises(AttributeError, match=r"no artifact 'totla'.*did you mean self\.total\?"):
        _ = _flow(total=1).totla
    flow = _flow()
    flow._is_join = True
    with pytest.raises(AttributeError, match="merge_artifacts"):
        _ = flow.x


def test_next_is_recorded():
    flow = _flow()
    flow.next(flow.middle)
    assert flow._next == NextCall(("middle",), None)
    with pytest.raises(FlowError, match="Multiple self.next"):
        flow.next(flow.end)


def test_next_split_and_foreach():
    flow = _flow()
    flow.next(flow.middle, flow.end)
    assert flow._next == NextCall(("middle", "end"), None)
    flow = _flow(items=[1])
    flow.next(flow.middle, foreach="items")
    assert flow._next == NextCall(("middle",), "items")
    flow = _flow()
    flow.items = (n for n in range(3))
    flow.next(flow.middle, foreach="items")
    assert flow._next.foreach == "items"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda f: f.next(), "names no step"),
        (lambda f: f.next("middle"), "not a step of this flow"),
        (lambda f: f.next(f.helper), "not a step of this flow"),
        (lambda f: f.next(Work(use_cli=False).middle), "not a step of this flow"),
        (lambda f: f.next(f.middle, foreach="none"), r"self\.none in step .* does not exist"),
        (lambda f: f.next(f.middle, foreach="number"), r"self\.number in step .* is int, not iterable"),
        (lambda f: f.next(f.middle, foreach=[1]), "must be a string"),
        (lambda f: f.next(f.middle, f.end, foreach="items"), "exactly one target"),
        (lambda f: f.next(f.middle, parallel=2), "parallel="),
    ],
)
def test_wrong_calls_of_next(call, text):
    flow = _flow(items=[1], number=3)
    with pytest.raises(FlowError, match=text):
        call(flow)
    assert flow._next is None


def test_foreach_position():
    flow = _flow(outer=["a", "b"])
    assert (flow.input, flow.index, flow.foreach_stack()) == (None, None, [])
    flow._frames = (("start", "outer", 1, 2), ("middle", "inner", 0, 3))
    flow._load_input = lambda: "item"
    assert (flow.input, flow.index) == ("item", 0)
    assert flow.foreach_stack() == [(1, 2, "b"), (0, 3, "item")]


def test_names_of_flowspec_are_not_artifacts():
    with pytest.raises(AttributeError):
        _flow().input = 3


def test_iterating_a_flow_gives_its_steps():
    assert [method.__name__ for method in _flow()] == ["start", "middle", "end"]


def test_merge_artifacts_takes_what_agrees():
    join = _flow()
    join.own = "kept"
    join.merge_artifacts([_flow(x=1, own=2, only=3), _flow(x=1, own=4)])
    assert (join.x, join.own, join.only) == (1, "kept", 3)


def test_merge_artifacts_conflicts():
    with pytest.raises(FlowError, match=r"conflicting values: \[x, y\].*assign self\.x"):
        _flow().merge_artifacts([_flow(x=1, y=1, z=1), _flow(x=2, y=2, z=1)])
    join = _flow()
    join.merge_artifacts([_flow(x=1, z=1), _flow(x=2, z=1)], exclude=["x"])
    assert join.z == 1
    assert not hasattr(join, "x")
    join = _flow()
    join.merge_artifacts([_flow(x=1, z=1), _flow(x=1, z=2)], include=["x"])
    assert join.x == 1


def test_merge_artifacts_arguments():
    with pytest.raises(FlowError, match="give one of them"):
        _flow().merge_artifacts([_flow()], exclude=["a"], include=["b"])
    with pytest.raises(FlowError, match=r"\[b\] are not present"):
        _flow().merge_artifacts([_flow(a=1)], include=["b"])
    with pytest.raises(FlowError, match="got no inputs"):
        _flow().merge_artifacts([])


def test_current_outside_and_inside_of_a_task():
    assert current.is_running_flow is False
    assert current.run_id is None
    assert current.trigger is None
    with pytest.raises(AttributeError):
        _ = current.nonsense
    source = {
        "eventId": "e",
        "eventName": "model.promoted",
        "eventTime": "2026-11-23T20:00:00.5Z",
        "payloadJson": '{"version": 3}',
    }
    try:
        current._update(run_id="r", pathspec="F/r/s/0", username="ann", is_running_flow=True, trigger=source)
        assert current.run_id == "r"
        assert current.namespace == "user:ann"
        assert "run_id" in current
        assert current.get("origin_run_id", "none") == "none"
        assert current.trigger.event.payload == {"version": 3}
        assert current.trigger["model.promoted"].timestamp.microsecond == 500000
        assert current.trigger.run is None
    finally:
        current._clear()


def test_lazy_exports():
    assert set(headwater._HOME_OF) <= set(dir(headwater))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = headwater.nonsense
