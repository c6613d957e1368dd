"""Decorators of steps and flows, and --with."""

import pytest
from google.protobuf import json_format

from headwater import (
    FlowSpec,
    Parameter,
    catch,
    command,
    environment,
    isolation,
    pool,
    project,
    resources,
    retry,
    schedule,
    step,
    timeout,
    trigger,
    trigger_on_finish,
    trigger_on_promotion,
)
from headwater.api.scheduler.v1 import scheduler_pb2
from headwater.errors import FlowError
from headwater.flow.deploy import check_triggers
from headwater.flow.options import Catch, CommandSpec, Retry, flow_options, step_options
from headwater.flow.triggers import namespaced_event_name, resolved
from headwater.flow.with_options import apply_with


def _function():
    def train(self):
        pass

    return train


def test_with_and_without_parentheses_and_in_any_order():
    assert step_options(step(retry(_function()))).retry == Retry(3, 120.0)
    assert step_options(retry()(step(_function()))).retry == Retry(3, 120.0)
    assert step_options(retry(times=1, minutes_between_retries=0)(step(_function()))).retry == Retry(1, 0.0)
    assert step_options(catch(step(_function()))).catch == Catch(None, True)
    assert step_options(retry(_function())) is None


def test_options_are_collected():
    decorated = environment(vars={"A": 1})(environment(vars={"B": "x"})(timeout(hours=1)(step(_function()))))
    options = step_options(decorated)
    assert options.environment == {"A": "1", "B": "x"}
    assert options.timeout_seconds == 3600
    assert options.decorators == ["environment", "environment", "timeout"]


def test_command():
    given = command("wc -l {path}", inputs={"data": "in/data.csv"}, outputs=["out/lines.txt"])(step(_function()))
    assert step_options(given).command == CommandSpec(
        "wc -l {path}", {"data": "in/data.csv"}, {"lines": "out/lines.txt"}
    )


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: retry(times=-1), "times=-1"),
        (lambda: retry(times=1.5), "times=1.5"),
        (lambda: retry(minutes_between_retries=-1), "pause of -60 seconds"),
        (lambda: catch(var="not a name"), "not a name an artifact"),
        (lambda: catch(var="_private"), "not a name an artifact"),
        (lambda: timeout(), "greater than 0"),
        (lambda: resources(cpu="many"), "must be numbers"),
        (lambda: resources(memory=-1), "must not be negative"),
        (lambda: resources(memory=8, enforce=True), "memory=8 is too little to enforce"),
        (lambda: isolation("vm"), "@isolation: 'vm' is none of none, fork, process"),
        (lambda: environment(vars={"A=B": 1}), "environment variable"),
        (lambda: command("  "), "needs the command as text"),
        (lambda: command("x", outputs={"a": "/etc/passwd"}), "inside the folder"),
        (lambda: command("x", inputs={"a": "../b"}), "inside the folder"),
        (lambda: command("x", inputs={"not a name": "b"}), "no artifact can be called"),
        (lambda: pool(""), "not a name of a pool"),
        (lambda: retry(3), "put it on a step"),
    ],
)
def test_wrong_step_decorators(make, text):
    with pytest.raises(FlowError, match=text):
        make()


def _trigger(decorator):
    class Some(FlowSpec):
        pass

    decorator(Some)
    for body in flow_options(Some).triggers:
        json_format.ParseDict(body, scheduler_pb2.Trigger())
    return flow_options(Some).triggers


def test_triggers():
    assert _trigger(trigger(event="data.arrived")) == [{"event": {"name": "data.arrived"}}]
    assert _trigger(trigger(event="a", parameters={"p": "x.y"}, filter={"kind": "csv", "n": 3, "ok": True})) == [
        {"event": {"name": "a", "parameters": {"p": "x.y"}, "filter": {"kind": "csv", "n": "3", "ok": "true"}}}
    ]
    both = [{"event": {"name": "a"}}, {"event": {"name": "b", "parameters": {"p": "p", "q": "r"}}}]
    several = ["a", {"name": "b", "parameters": ["p", ("q", "r")]}]
    assert _trigger(trigger(events=several)) == [{"all": {"of": both}}]
    assert _trigger(trigger(events=several, options={"match": "any"})) == both
    reset = {"reset_at": {"cron": "0 0 * * *", "timezone": "Europe/Berlin"}}
    assert _trigger(trigger(events=several, options=reset)) == [
        {"all": {"of": both, "resetAt": {"cron": "0 0 * * *", "timezone": "Europe/Berlin"}}}
    ]
    assert _trigger(trigger_on_finish(flow="Train")) == [{"finish": {"flow": "Train"}}]
    assert _trigger(trigger_on_finish(flows=["proj.branch.A", {"name": "B"}])) == [
        {
            "all": {
                "of": [
                    {"finish": {"flow": "A", "tags": ["project:proj", "project_branch:branch"]}},
                    {"finish": {"flow": "B"}},
                ]
            }
        }
    ]
    assert _trigger(trigger_on_promotion(model="churn", alias="champion")) == [
        {"event": {"name": "model.promoted", "filter": {"name": "churn", "alias": "champion"}}}
    ]
    assert _trigger(trigger_on_promotion()) == [{"event": {"name": "model.promoted"}}]


@pytest.mark.parametrize(
    ("given", "cron"),
    [
        ({}, "0 0 * * *"),
        ({"hourly": True}, "0 * * * *"),
        ({"weekly": True}, "0 0 * * 0"),
        ({"cron": "*/5 8-18 ? * MON-FRI *"}, "*/5 8-18 * * MON-FRI"),
    ],
)
def test_schedule(given, cron):
    assert _trigger(schedule(**given)) == [{"cron": {"cron": cron}}]


def test_schedule_with_timezone_and_bare():
    assert _trigger(schedule(daily=True, timezone="Europe/Berlin"))[0]["cron"]["timezone"] == "Europe/Berlin"
    assert _trigger(schedule(daily=False)) == []
    assert _trigger(schedule) == [{"cron": {"cron": "0 0 * * *"}}]


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: trigger(), "No event"),
        (lambda: trigger(event="a b"), "not the name of an event"),
        (lambda: trigger(event="a.*"), "not the name of an event"),
        (lambda: trigger(event={"name": "a", "colour": 1}), "unknown colour"),
        (lambda: trigger(event="a", parameters=[("a", "b", "c")]), "attribute for event a is invalid"),
        (lambda: trigger_on_finish(), "No flow"),
        (lambda: trigger(event="a", events=["b"]), "Specify only one of event or events"),
        (lambda: trigger(events=["a", "a"]), "Duplicate event names"),
        (lambda: trigger(event={"parameters": {}}), "missing the name key"),
        (lambda: trigger(event=3), "Incorrect format for event attribute"),
        (lambda: trigger(events=["a", "b"], options={"match": "some"}), "neither all nor any"),
        (lambda: trigger(events=["a", "b"], options={"reset_at": "daily"}), "reset_at='daily'"),
        (lambda: trigger_on_finish(flow={"project": "p"}), "missing the name key"),
        (lambda: schedule(cron="1 2 3"), "five fields"),
        (lambda: schedule(timezone="Mars/Base"), "not a time zone"),
        (lambda: trigger(event="a")(3), "above the class of a flow"),
    ],
)
def test_wrong_flow_decorators(make, text):
    with pytest.raises(FlowError, match=text):
        make()


def test_flow_options_are_inherited_and_not_shared():
    @project(name="fraud")
    @trigger(event="a")
    class Parent(FlowSpec):
        pass

    @trigger(event="b")
    class Child(Parent):
        pass

    assert [t["event"]["name"] for t in flow_options(Parent).triggers] == ["a"]
    assert [t["event"]["name"] for t in flow_options(Child).triggers] == ["a", "b"]
    assert flow_options(Child).project == "fraud"


def test_triggers_fill_known_parameters_only():
    @trigger(event="a", parameters={"alhpa": "x"})
    class Typo(FlowSpec):
        alpha = Parameter("alpha", default=1)

    with pytest.raises(FlowError, match="'alhpa', which Typo does not have; did you mean 'alpha'"):
        check_triggers(Typo, resolved(Typo))


def test_functions_of_triggers_are_called_when_the_flow_is_deployed():
    @trigger(event=lambda context: {"name": f"done.{context.flow_name}", "parameters": ["p"]})
    @trigger(events=lambda context: ["x", "y"], options={"match": "any"})
    @trigger(event={"name": namespaced_event_name("z"), "parameters": lambda context: {"p": "q"}})
    @trigger_on_finish(flow=lambda context: {"name": "A", "project": "p"})
    @project(name="proj", branch="b")
    class Late(FlowSpec):
        pass

    assert all("later" in each for each in flow_options(Late).triggers)
    assert resolved(Late) == [
        {"finish": {"flow": "A", "tags": ["project:p"]}},
        {"event": {"name": "mfns.proj.test.b.z", "parameters": {"p": "q"}}},
        {"event": {"name": "x"}},
        {"event": {"name": "y"}},
        {"event": {"name": "done.Late", "parameters": {"p": "p"}}},
    ]

    @trigger(event=lambda context: 1 / 0)
    class Broken(FlowSpec):
        pass

    with pytest.raises(FlowError, match="@trigger: its function failed: ZeroDivisionError"):
        resolved(Broken)


def _small():
    class Small(FlowSpec):
        @retry(times=9)
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass

    return Small


def test_with_adds_where_it_is_missing():
    cls = _small()
    apply_with(cls, ["retry:times=2,minutes_between_retries=0", "timeout:seconds=5", "catch:var=problem"])
    assert step_options(cls.start).retry.times == 9
    assert step_options(cls.end).retry == Retry(2, 0.0)
    assert step_options(cls.start).timeout_seconds == 5


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ("kubernets", "unknown decorator 'kubernets'; did you mean 'kubernetes'"),
        ("retry:times", "'times' has no value"),
        ("retry:colour=3", "does not support the attribute 'colour'"),
        ("retry:times=-3", "times=-3"),
        ("retry:times=x", "times='x', .* must be numbers"),
        ("timeout:seconds=x", "seconds='x', minutes=0, hours=0 must be numbers"),
        ("environment:vars=1", "vars=1 is not a dict"),
    ],
)
def test_wrong_with(spec, text):
    with pytest.raises(FlowError, match=text):
        apply_with(_small(), [spec])
