"""The filter language: what it accepts, what it means, and errors that say where."""

import math
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking.filters import (
    All,
    AnyOf,
    Comparison,
    Key,
    Not,
    Order,
    keys_of,
    parse_filter,
    parse_order,
)
from headwater_server.tracking.search_sql import Scope, search_queries


def one(text: str) -> Comparison:
    node = parse_filter(text)
    assert isinstance(node, Comparison)
    return node


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.acc > 0.9", Comparison(Key("metric", "acc"), ">", 0.9)),
        ("metric.acc<=-1e-3", Comparison(Key("metric", "acc"), "<=", -0.001)),
        ("params.kernel = 'rbf'", Comparison(Key("param", "kernel"), "=", "rbf")),
        ("parameters.lr = 0.1", Comparison(Key("param", "lr"), "=", "0.1")),
        ('params.kernel = "rbf"', Comparison(Key("param", "kernel"), "=", "rbf")),
        ("params.kernel != 'it''s'", Comparison(Key("param", "kernel"), "!=", "it's")),
        ("tags.mlflow.parentRunId = 'x'", Comparison(Key("attribute", "parent_run_id"), "=", "x")),
        ("metrics.val.top-5 = 1", Comparison(Key("metric", "val.top-5"), "=", 1.0)),
        ("metrics.5fold = 1", Comparison(Key("metric", "5fold"), "=", 1.0)),
        ("metrics.system/cpu = 1", Comparison(Key("metric", "system/cpu"), "=", 1.0)),
        ("metrics.`my key` = 1", Comparison(Key("metric", "my key"), "=", 1.0)),
        ('tags."a ""b"" c" LIKE \'%x\'', Comparison(Key("tag", 'a "b" c'), "LIKE", "%x")),
        ("tags.team ilike 'V%'", Comparison(Key("tag", "team"), "ILIKE", "V%")),
        ("tags.team NOT LIKE 'V%'", Comparison(Key("tag", "team"), "NOT LIKE", "V%")),
        ("tags.team IN ('a', 'b')", Comparison(Key("tag", "team"), "IN", ("a", "b"))),
        ("tags.team not in ('a')", Comparison(Key("tag", "team"), "NOT IN", ("a",))),
        ("tags.team IS NULL", Comparison(Key("tag", "team"), "IS NULL", None)),
        ("metrics.acc is not null", Comparison(Key("metric", "acc"), "IS NOT NULL", None)),
        ("status = 'FINISHED'", Comparison(Key("attribute", "state"), "=", "FINISHED")),
        ("attr.run_name LIKE 'x%'", Comparison(Key("attribute", "name"), "LIKE", "x%")),
        ("attributes.start_time > 1700000000000", Comparison(Key("attribute", "started_at"), ">", 1.7e12)),
        ("metrics.loss = Infinity", Comparison(Key("metric", "loss"), "=", math.inf)),
        ("metrics.loss > -inf", Comparison(Key("metric", "loss"), ">", -math.inf)),
    ],
)
def test_a_comparison(text: str, expected: Comparison) -> None:
    assert one(text) == expected


def test_nan_is_a_number() -> None:
    value = one("metrics.loss = NaN").value
    assert isinstance(value, float) and math.isnan(value)


def test_and_binds_closer_than_or() -> None:
    a, b, c = (Comparison(Key("metric", name), "=", 1.0) for name in "abc")
    assert parse_filter("metrics.a=1 or metrics.b=1 AND metrics.c=1") == AnyOf((a, All((b, c))))
    assert parse_filter("(metrics.a=1 OR metrics.b=1) AND NOT metrics.c=1") == All((AnyOf((a, b)), Not(c)))


def test_empty_is_no_filter() -> None:
    assert parse_filter("  ") is None
    assert list(keys_of(None)) == []


@pytest.mark.parametrize(
    ("text", "position", "says"),
    [
        ("metrics.acc >", 14, "a value"),
        ("metrics.acc ~ 3", 13, "an operator"),
        ("metrics.acc > 'x'", 15, "is a number"),
        ("metrics.acc LIKE 'x'", 13, "LIKE does not apply"),
        ("params.x > '1'", 10, "> does not apply"),
        ("metric.a = 1 AND", 17, "a key"),
        ("metrics.a = 1 metrics.b = 2", 15, "expected AND, OR or the end"),
        ("(metrics.a = 1", 15, "expected AND, OR or )"),
        ("metrics.a = 1)", 14, "expected AND, OR or the end"),
        ("models.a = 1", 1, "unknown prefix 'models'"),
        ("colour = 'red'", 1, "unknown attribute 'colour'"),
        ("attributes.colour = 'red'", 12, "unknown attribute 'colour'"),
        ("params.x = 'open", 12, "a quote that is not closed"),
        ("params.x = rbf", 12, "a value"),
        ("params.x IN 'a'", 13, "expected ("),
        ("params.x IN ()", 14, "a value"),
        ("params.x IS 3", 13, "expected NULL"),
        ("(" * 60 + "metrics.a = 1" + ")" * 60, 51, "levels of parentheses"),
    ],
)
def test_an_error_names_the_position(text: str, position: int, says: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        parse_filter(text)
    assert says in error.value.message
    assert f"at position {position} of" in error.value.message
    assert error.value.field == "filter"


def test_a_filter_has_a_limit() -> None:
    with pytest.raises(InvalidArgument, match="at most 10000"):
        parse_filter("metrics.a = 1 AND " * 600 + "metrics.a = 1")


def test_order() -> None:
    assert parse_order("metrics.acc DESC") == Order(Key("metric", "acc"), True)
    assert parse_order("start_time") == Order(Key("attribute", "started_at"), False)
    assert parse_order('params."my key" asc') == Order(Key("param", "my key"), False)
    with pytest.raises(InvalidArgument, match="expected ASC, DESC or the end, found UP"):
        parse_order("metrics.acc UP")


@given(st.text(alphabet=string.printable + "é'\"`", max_size=60))
def test_any_text_is_a_tree_or_a_clear_error(text: str) -> None:
    try:
        parse_filter(text)
    except InvalidArgument as error:
        assert "position" in error.message


@given(st.text(min_size=1, max_size=40).filter(lambda s: "\0" not in s))
def test_values_never_reach_the_sql_text(value: str) -> None:
    marked = f"mark{value}mark"
    quoted = marked.replace("'", "''")
    tree = parse_filter(f"params.a = '{quoted}' OR tags.b IN ('{quoted}') OR attributes.name ILIKE '{quoted}'")
    (query,) = search_queries(tree, [], {"a": 1, "b": 2}, Scope("default"), limit=10)
    assert "mark" not in query.sql
    assert query.args == ["default", marked, [marked], marked]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("state = 'DONE'", "'DONE' is not the state of a run"),
        ("run_id = 'abc'", "'abc' is not the id of a run"),
        ("start_time > 'yesterday'", "'yesterday' is not a time"),
        ("start_time > 1e300", "is not a time"),
        ("name LIKE 'x\\'", "single backslash"),
    ],
)
def test_values_of_attributes_are_checked(text: str, says: str) -> None:
    with pytest.raises(InvalidArgument) as error:
        search_queries(parse_filter(text), [], {}, Scope("default"), limit=10)
    assert says in error.value.message
