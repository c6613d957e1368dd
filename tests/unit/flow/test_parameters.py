"""Parameters: types, defaults, the command line, the environment, and clear errors."""

import pytest

from headwater import FlowSpec, JSONType, Parameter
from headwater.flow.parameters import ParameterError, parameters_of, resolve, shown_otherwise


class Typed(FlowSpec):
    text = Parameter("text", default="a")
    count = Parameter("count", default=3)
    rate = Parameter("rate", default=0.5)
    flag = Parameter("flag", default=False)
    data = Parameter("data", default='{"a": [1]}', type=JSONType)
    names = Parameter("names", default="a,b", separator=",")
    nothing = Parameter("nothing", type=int)
    made = Parameter("made", default=lambda context: f"{context.flow_name}/{context.parameter_name}")


def _in_step(cls, values):
    flow = cls(use_cli=False)
    flow._set_parameters(values)
    return flow


def test_defaults():
    values = resolve(Typed, {}, {})
    assert values == {
        "text": "a",
        "count": 3,
        "rate": 0.5,
        "flag": False,
        "data": {"a": [1]},
        "names": "a,b",
        "nothing": None,
        "made": "Typed/made",
    }
    flow = _in_step(Typed, values)
    assert flow.names == ["a", "b"]
    assert flow.data == {"a": [1]}
    assert flow.nothing is None


def test_json_is_as_it_was():
    found = _in_step(Typed, {"data": {"a": [1.0, 2.5], "b": {"c": 3}, "d": True}}).data
    assert repr(found) == "{'a': [1.0, 2.5], 'b': {'c': 3}, 'd': True}"


def test_what_a_step_sees_as_something_else_than_the_run_shows():
    given = resolve(Typed, {}, {}) | {"data": {"a": 1.0}}
    assert shown_otherwise(_in_step(Typed, given), given) == ["names"]
    given["rate"] = 1
    assert shown_otherwise(_in_step(Typed, given), given) == ["rate", "names"]
    assert "count" in shown_otherwise(_in_step(Typed, {"rate": 0.5}), {"rate": 0.5})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("text", "1", "1"),
        ("count", "-7", -7),
        ("rate", "1e-3", 0.001),
        ("rate", "2", 2.0),
        ("flag", "yes", True),
        ("flag", "False", False),
        ("data", "[1, 2]", [1, 2]),
    ],
)
def test_text_of_the_command_line(name, text, value):
    resolved = resolve(Typed, {name: text}, {})[name]
    assert resolved == value
    assert type(resolved) is type(value)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("count", "abc", "parameter 'count': --count 'abc' is not an int"),
        ("count", "1.5", "parameter 'count': --count '1.5' is not an int"),
        ("rate", "fast", "parameter 'rate': --rate 'fast' is not a float"),
        ("flag", "maybe", "parameter 'flag': --flag 'maybe' is not a bool: true or false"),
        ("data", "{", "parameter 'data': --data '{' is not JSON"),
    ],
)
def test_wrong_text_names_parameter_value_and_expectation(name, text, expected):
    with pytest.raises(ParameterError) as caught:
        resolve(Typed, {name: text}, {})
    assert str(caught.value).startswith(expected)


def test_environment():
    assert resolve(Typed, {}, {"METAFLOW_RUN_COUNT": "8"})["count"] == 8
    assert resolve(Typed, {}, {"METAFLOW_RUN_COUNT": "8", "HEADWATER_RUN_COUNT": "9"})["count"] == 9
    assert resolve(Typed, {"count": "1"}, {"HEADWATER_RUN_COUNT": "9"})["count"] == 1
    with pytest.raises(ParameterError, match="METAFLOW_RUN_COUNT 'x'"):
        resolve(Typed, {}, {"METAFLOW_RUN_COUNT": "x"})


def test_values_that_travelled_as_json_regain_their_type():
    flow = _in_step(Typed, {"count": 4.0, "rate": 1.0, "text": 7.0, "flag": True, "data": None})
    assert (flow.count, flow.rate, flow.text, flow.flag, flow.data) == (4, 1.0, "7", True, None)
    assert type(flow.count) is int
    with pytest.raises(ParameterError, match=r"parameter 'count': 4\.5 is not an int"):
        _in_step(Typed, {"count": 4.5})


def test_numbers_json_cannot_hold():
    class Big(FlowSpec):
        n = Parameter("n", default=2**60)
        x = Parameter("x", default=float("inf"))

    values = resolve(Big, {}, {})
    assert values == {"n": 2**60, "x": "inf"}
    flow = _in_step(Big, values)
    assert (flow.n, flow.x) == (2**60, float("inf"))


def test_parameters_are_read_only():
    flow = _in_step(Typed, {})
    with pytest.raises(AttributeError, match=r"self\.count is a parameter"):
        flow.count = 4
    assert "count" not in vars(flow)


def test_required():
    class Required(FlowSpec):
        path = Parameter("path", required=True)

    with pytest.raises(ParameterError, match="parameter 'path' is required: give --path VALUE"):
        resolve(Required, {}, {})
    assert resolve(Required, {"path": "x"}, {}) == {"path": "x"}
    assert resolve(Required, {}, {}, filled={"path"}) == {}


def test_unknown_parameter():
    with pytest.raises(ParameterError, match="flow Typed has no parameter 'colour'; it has text, count"):
        resolve(Typed, {"colour": "red"}, {})


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"name": "a b"}, "use letters"),
        ({"name": "tag"}, "taken by an option"),
        ({"name": "max_workers"}, "taken by an option"),
        ({"name": "a", "default": "x", "type": int}, "its default 'x' is not an int"),
        ({"name": "a", "default": 1.5, "type": int}, "its default 1.5 is not an int"),
        ({"name": "a", "default": True, "type": int}, "its default True is not an int"),
        ({"name": "a", "default": 1, "type": str}, "its default 1 is not text"),
        ({"name": "a", "type": list}, "is not one of str, int"),
        ({"name": "a", "default": 1, "required": True}, "is required and has a default"),
        ({"name": "a", "separator": ",", "type": int}, "separator needs type str"),
        ({"name": "a", "colour": "red"}, "unknown argument colour"),
    ],
)
def test_wrong_declarations(arguments, text):
    with pytest.raises(ParameterError, match=text):
        Parameter(**arguments)


def test_function_default_that_fails():
    class Failing(FlowSpec):
        a = Parameter("a", default=lambda context: 1 / 0, type=int)

    with pytest.raises(ParameterError, match=r"parameter 'a': the function of its default failed: ZeroDivisionError"):
        resolve(Failing, {}, {})


def test_inherited_parameters_can_be_replaced():
    class Child(Typed):
        count = Parameter("count", default=5)
        text = None

    assert resolve(Child, {}, {})["count"] == 5
    assert "text" not in parameters_of(Child)
