"""Which graphs can run, and what is said about those that cannot."""

import pytest
from hypothesis import given, settings

from headwater_server.kit.errors import InvalidArgument
from headwater_server.scheduler.graph import Plan
from headwater_server.scheduler.keys import Key
from headwater_server.scheduler.shape import MAX_STEPS
from tests.unit.scheduler.flows import Flow, flows, step, switch


def plan(*steps: dict, **more: str) -> Plan:
    return Plan({"flow": "F", "steps": list(steps), **more})


@settings(max_examples=60, deadline=None)
@given(flows())
def test_every_well_formed_flow_is_taken(flow: Flow):
    made = Plan(flow.graph)
    assert [s.number for s in made.steps.values()] == list(range(len(flow.steps)))
    assert made.after("start") == set(made.steps)
    assert made.after("end") == {"end"}


def test_the_end_may_be_a_join_and_steps_may_have_any_order():
    made = plan(step("end", joins="start"), step("b", "end"), step("start", "b", "a"), step("a", "end"))
    assert made.into == {"end": ("b", "a")}
    assert made["a"].opens == ("start",)
    assert made["end"].opens == ()


def test_what_a_join_joins():
    made = plan(
        step("start", "outer", foreach="xs"),
        step("outer", "inner", foreach="ys"),
        step("inner", "l", "r"),
        step("l", "meet"),
        step("r", "meet"),
        step("meet", "close", joins="inner"),
        step("close", "all", joins="outer"),
        step("all", "end", joins="start"),
        step("end"),
    )
    assert [s.name for s in made.foreach_steps(made["l"])] == ["start", "outer"]
    assert made.joined_by(Key("r", "meet", (1, 2)), 2) == [Key("r", "l", (1, 2)), Key("r", "r", (1, 2))]
    assert made.joined_by(Key("r", "close", (1,)), 2) == [Key("r", "meet", (1, 0)), Key("r", "meet", (1, 1))]
    assert made.split_of(made["close"], Key("r", "meet", (1, 0))) == Key("r", "outer", (1,))
    assert made.parent_of(Key("r", "inner", (1, 0)), "outer") == Key("r", "outer", (1,))
    assert made.parent_of(Key("r", "l", (1, 0)), "inner") == Key("r", "inner", (1, 0))
    assert made.parent_of(Key("r", "close", (1,)), "") is None


JOIN = step("j", "end", joins="start")
LOOP = [step("start", "a"), step("a", "b"), step("b", "a", "end"), step("end")]
UNJOINED = [step("start", "a", foreach="xs"), step("a", "end"), step("end")]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "it has no steps"),
        ([step(f"s{i}", "end") for i in range(MAX_STEPS + 1)], "1001 steps are more than 1000"),
        ([step("1st", "end"), step("end")], "'1st' is no name of a step"),
        ([step("start", "end"), step("start", "end"), step("end")], "two steps are named 'start'"),
        ([step("begin", "end"), step("end")], "there is no step 'start' to start with"),
        ([step("start", "stop"), step("stop")], "there is no step 'end' to end with"),
        ([{"name": "start", "next": ["end"]}, step("end")], "'start' has the transition 'none'"),
        ([step("start", "end") | {"transition": "SPLIT"}, step("end")], "'start' \\(SPLIT\\) is followed by 1 steps"),
        ([step("start", "a"), step("a"), step("end")], "'a' \\(END\\): only the step 'end' ends the flow"),
        ([step("start", "end", foreach="xs") | {"foreach": ""}, step("end")], "a foreach without the name"),
        ([step("start", "a"), step("end")], "'start' goes on to 'a', which does not exist"),
        ([step("start", "a"), step("a", "start"), step("end")], "'a' goes back to 'start'"),
        ([step("start", "end"), step("a", "end"), step("end")], "nothing leads to step 'a'"),
        (LOOP, "'b' goes back to 'a', which is not inside of the same split"),
        ([step("start", "a"), step("a", "b"), step("b", "a"), step("end")], "'a' is part of a cycle or behind one"),
        ([step("start", "a"), step("a", "end", joins="start"), step("end")], "joins 'start', but 'nothing' is open"),
        (
            [step("start", "j", foreach="xs"), step("j", "end", joins="start"), step("end")],
            "'start' goes straight into the join 'j'",
        ),
        (
            [step("start", "a", "b"), step("a", "x"), step("b", "x", foreach="xs"), step("x", "end"), step("end")],
            "the ways into step 'x' do not come from the same split",
        ),
        (UNJOINED, "'start' splits, and no step joins it before 'end'"),
        (
            [
                step("start", "a", "b"),
                step("a", "x"),
                step("b", "x"),
                step("x", "j"),
                step("j", "end", joins="start"),
                step("end"),
            ],
            "2 steps lead to 'x', which is no join",
        ),
        ([step("start", "end", pool="a.b"), step("end")], "'start' names the pool 'a.b'"),
        ([step("start", "end", retry={"times": -1}), step("end")], "a retry with a negative number"),
        ([step("start", "end", retry={"times": 1, "delay": "-3s"}), step("end")], "a retry with a negative number"),
    ],
)
def test_what_can_never_run_is_refused(steps, message):
    with pytest.raises(InvalidArgument, match=message) as caught:
        plan(*steps)
    assert (caught.value.field, caught.value.reason) == ("graph", "BAD_GRAPH")


def test_loops_and_switches_of_a_graph():
    made = plan(
        step("start", "work", foreach="xs"),
        step("work", "check"),
        switch("check", "work", "good", "bad"),
        step("good", "join"),
        step("bad", "join"),
        step("join", "end", joins="start"),
        step("end"),
    )
    key = made.key("r", "work", "", 3)
    checked = made.next_key(key, "check")
    again = made.next_key(checked, "work")
    assert (again.path, again.index, again.task_id) == ("~0.1", 3, "3~0.1")
    assert made.key("r", "work", again.path, 3) == again
    assert made.parent_of(again, "check") == checked
    assert made.undecided == {"join"}
    assert made.split_of(made["join"], made.next_key(again, "check")) == Key("r", "start", ())
    with pytest.raises(ValueError, match="more loops than there are"):
        made.key("r", "end", "~0.1", 0)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([step("start", "a"), switch("a", "end", "end"), step("end")], "'a' names a successor twice"),
        ([step("start", "a"), switch("a", "a", "end", catch={}), step("end")], "'a' is a switch and catches failures"),
        ([step("start", "a"), switch("a", "start", "end"), step("end")], "'a' goes back to 'start'"),
        (
            [
                step("start", "a", "b"),
                switch("a", "j", "k"),
                switch("b", "j", "k"),
                step("j", "end", joins="start"),
                step("k", "end", joins="start"),
                step("end"),
            ],
            "'j' and 'k' both join 'start'",
        ),
        (
            [step("start", "w", gang=True, foreach="n"), step("w", "x"), step("x", "j"), JOIN, step("end")],
            "'start' starts a gang, so 'w' must go on to a join",
        ),
        ([step("start", "end", concurrency=["a b"]), step("end")], "'start' names the limit 'a b'"),
    ],
)
def test_switches_and_gangs_that_can_never_run_are_refused(steps, message):
    with pytest.raises(InvalidArgument, match=message):
        plan(*steps)
