"""Reuse of earlier results: the steps run through the SDK's runtime, which notes what they read; the scheduler decides.

The promise, for random programs and random changes of parameters: a run that reuses what it may leaves the same
artifacts as one that runs everything.
"""

import base64
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater import FlowSpec, Parameter, step
from headwater.runtime import manifest as manifests
from headwater.runtime import reads
from headwater.runtime.execute import Context, StepRun
from headwater.runtime.task import parse
from headwater_server.scheduler import reuse as rules
from headwater_server.scheduler.graph import Plan
from headwater_server.scheduler.reuse import Given, Reuse, looked_up, resuming, same_parameters, taken_over

PARAMETERS = ("alpha", "beta")
NAMES = ("x", "y", "z")
GRAPH = {
    "flow": "Programs",
    "start": "start",
    "end": "end",
    "steps": [
        {"name": "start", "transition": "TRANSITION_LINEAR", "next": ["fan"], "code": "1"},
        {"name": "fan", "transition": "TRANSITION_FOREACH", "next": ["work"], "foreach": "items", "code": "1"},
        {"name": "work", "transition": "TRANSITION_LINEAR", "next": ["post"], "code": "1"},
        {"name": "post", "transition": "TRANSITION_LINEAR", "next": ["join"], "code": "1"},
        {"name": "join", "transition": "TRANSITION_LINEAR", "next": ["tail"], "joins": "fan", "code": "1"},
        {"name": "tail", "transition": "TRANSITION_LINEAR", "next": ["end"], "code": "1"},
        {"name": "end", "transition": "TRANSITION_END", "code": "1"},
    ],
}
PLAN = Plan(GRAPH)
Program = list[tuple[str, str, str]]
programs: dict[str, Program] = {}


class Programs(FlowSpec):
    alpha = Parameter("alpha", default=0)
    beta = Parameter("beta", default=0)

    def carry_out(self, inputs: Any = None) -> None:
        for target, how, source in programs[self._step_name]:
            setattr(self, target, self.value(how, source, inputs))

    def value(self, how: str, source: str, inputs: Any) -> Any:
        if how == "constant":
            return int(source)
        if how == "parameter":
            return getattr(self, source)
        if how == "exists":
            return hasattr(self, source)
        if how == "input":
            return self.input
        if how == "inputs":
            return [getattr(each, source, None) for each in inputs] if inputs is not None else 0
        return getattr(self, source, None)

    @step
    def start(self) -> None:
        self.items = [0]
        self.carry_out()
        self.next(self.fan)

    @step
    def fan(self) -> None:
        self.carry_out()
        self.items = [1, "two", self.x if hasattr(self, "x") else None]
        self.next(self.work, foreach="items")

    @step
    def work(self) -> None:
        self.carry_out()
        self.next(self.post)

    @step
    def post(self) -> None:
        self.carry_out()
        self.next(self.join)

    @step
    def join(self, inputs: Any) -> None:
        if programs["join"]:
            self.merge_artifacts(inputs, exclude=list(NAMES))
        self.carry_out(inputs)
        self.next(self.tail)

    @step
    def tail(self) -> None:
        self.carry_out()
        self.next(self.end)

    @step
    def end(self) -> None:
        self.carry_out()


class Whole:
    """A run of Programs in this process. `earlier`: results by (step, index) that may stand in."""

    def __init__(
        self, values: dict[str, int], out: Path, how: Reuse | None = None, earlier: "Whole | None" = None
    ) -> None:
        self.values, self.out, self.how, self.earlier = values, out, how, earlier
        self.results: dict[tuple[str, int], bytes] = {}
        self.ran: list[tuple[str, int]] = []
        self.of("start", 0, [])
        self.of("fan", 0, [("start", 0)])
        for index in range(3):
            self.of("work", index, [("fan", 0)])
            self.of("post", index, [("work", index)])
        self.of("join", 0, [("post", index) for index in range(3)])
        self.of("tail", 0, [("join", 0)])
        self.of("end", 0, [("tail", 0)])

    def of(self, name: str, index: int, before: list[tuple[str, int]]) -> None:
        inputs = [self.results[key] for key in before]
        taken = self._taken_over(name, index, inputs)
        if taken is None:
            self.ran.append((name, index))
            taken = run_step(name, index, self.values, inputs, self.out, self.how is not None)
        self.results[name, index] = taken

    def _taken_over(self, name: str, index: int, inputs: list[bytes]) -> bytes | None:
        around = PLAN.foreach_steps(PLAN[name])
        if self.how is None or self.earlier is None or not looked_up(self.how, PLAN[name]):
            return None
        items = (rules.parsed(self.results["fan", 0]) or {}).get("items", []) if around else []
        given = Given([rules.parsed(each) or {} for each in inputs], items, index)
        same = same_parameters(self.how, self.values, self.earlier.values)
        environment = "this" if self.how.mode == "cached" else None
        return taken_over(PLAN[name], around, self.earlier.results[name, index], given, same, environment)

    def artifacts(self) -> dict[tuple[str, int], dict[str, str]]:
        found = {key: json.loads(data) for key, data in self.results.items()}
        return {
            key: {
                name: reads.identity(entry)
                for name, entry in [*body["artifacts"].items(), *body.get("foreach", {}).items()]
            }
            for key, body in found.items()
        }


def run_step(
    name: str, index: int, values: dict[str, Any], inputs: list[bytes], out: Path, reuse: bool = True
) -> bytes:
    found: dict[str, Any] = PLAN[name].json
    body = {
        "key": {"runId": "r", "step": name, "index": index},
        "attempt": 1,
        "flow": "Programs",
        "step": found,
        "parameters": values,
        "reuse": reuse,
        "inputs": [
            {"key": {"step": "?", "index": i}, "result": base64.b64encode(r).decode()} for i, r in enumerate(inputs)
        ],
    }
    if PLAN.foreach_steps(PLAN[name]):
        body["frames"] = [{"step": "fan", "var": "items", "index": index, "width": 3}]
    channel: Any = SimpleNamespace(get_blob=None)
    result = StepRun(parse(body), Context(Programs, channel, out, out, out)).result()
    assert "failure" not in result, result
    return result["manifest"].encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("steps")


@pytest.fixture(autouse=True, scope="module")
def _surroundings():
    reads.environment = "this"
    yield
    reads.environment = ""
    reads.watch(None)


def operations(name: str) -> st.SearchStrategy[Program]:
    hows = {"constant": "012", "parameter": PARAMETERS, "artifact": NAMES, "exists": NAMES}
    hows |= {"input": ("",)} if name in ("work", "post") else {"inputs": NAMES} if name == "join" else {}
    one = st.sampled_from(sorted(hows)).flatmap(
        lambda how: st.tuples(st.sampled_from(NAMES), st.just(how), st.sampled_from(hows[how]))
    )
    return st.lists(one, max_size=3)


values = st.fixed_dictionaries({name: st.integers(0, 2) for name in PARAMETERS})


@settings(max_examples=30, deadline=None)
@given(
    written=st.fixed_dictionaries({name: operations(name) for name in PLAN.steps}),
    before=values,
    now=values,
    cached=st.booleans(),
)
def test_what_is_reused_is_what_would_have_been_made(folder, written, before, now, cached):
    programs.clear()
    programs.update(written)
    first = Whole(before, folder)
    how = Reuse("cached") if cached else resuming(PLAN, "", now, before, list(PARAMETERS))
    if not cached:
        how = Reuse("changed", changed=frozenset(name for name in PARAMETERS if before[name] != now[name]))
    again = Whole(now, folder, how, first)
    assert again.artifacts() == Whole(now, folder).artifacts()
    if before == now:
        assert set(again.ran) <= {("end", 0)}
    third = Whole(now, folder, Reuse("cached"), again)
    assert third.artifacts() == again.artifacts()


def use(**steps: Program) -> None:
    programs.clear()
    programs.update({name: steps.get(name, []) for name in PLAN.steps})


def test_only_what_depends_on_a_changed_parameter_runs_again(tmp_path):
    use(
        start=[("x", "parameter", "alpha"), ("y", "constant", "1")],
        work=[("z", "artifact", "y")],
        tail=[("y", "parameter", "beta")],
    )
    first = Whole({"alpha": 1, "beta": 1}, tmp_path)
    again = Whole({"alpha": 1, "beta": 2}, tmp_path, Reuse("changed", changed=frozenset({"beta"})), first)
    assert again.ran == [("tail", 0), ("end", 0)]
    # `start` puts alpha into x, which `fan` reads; `work` and `post` never look at x, and item 2 of the list is x.
    again = Whole({"alpha": 2, "beta": 1}, tmp_path, Reuse("changed", changed=frozenset({"alpha"})), first)
    assert again.ran == [("start", 0), ("fan", 0), ("join", 0), ("end", 0)] or ("work", 0) not in again.ran
    assert again.artifacts() == Whole({"alpha": 2, "beta": 1}, tmp_path).artifacts()


def test_an_item_keeps_its_results_when_another_is_changed(tmp_path):
    use(start=[("x", "parameter", "alpha")], work=[("z", "input", "")])
    first = Whole({"alpha": 1, "beta": 1}, tmp_path)
    again = Whole({"alpha": 2, "beta": 1}, tmp_path, Reuse("cached"), first)
    assert [key for key in again.ran if key[0] == "work"] == [("work", 2)]


def test_a_step_that_ends_as_before_ends_the_change(tmp_path):
    """`start` runs again and comes to the same: nothing after it does."""
    use(start=[("x", "parameter", "alpha"), ("x", "constant", "1")])
    first = Whole({"alpha": 1, "beta": 1}, tmp_path)
    again = Whole({"alpha": 2, "beta": 1}, tmp_path, Reuse("changed", changed=frozenset({"alpha"})), first)
    assert again.ran == [("start", 0), ("end", 0)]


def test_a_value_that_was_the_same_by_chance_is_made_again(tmp_path):
    """`fan` sets x to what it inherits anyway: with another alpha, it does not inherit that any more."""
    use(start=[("x", "parameter", "alpha")], fan=[("x", "constant", "1")], tail=[("y", "exists", "x")])
    first = Whole({"alpha": 1, "beta": 1}, tmp_path)
    again = Whole({"alpha": 2, "beta": 1}, tmp_path, Reuse("changed", changed=frozenset({"alpha"})), first)
    assert again.artifacts() == Whole({"alpha": 2, "beta": 1}, tmp_path).artifacts()
    assert "work" not in {name for name, _ in again.ran}


def test_what_cannot_be_seen_is_not_reused(tmp_path):
    use(tail=[("x", "constant", "1")])
    inputs = [json.dumps({"v": 1, "artifacts": {}, "new": []}).encode()]
    result = run_step("tail", 0, {"alpha": 1, "beta": 1}, inputs, tmp_path)

    def again(data: bytes, environment: str | None = "this", **more: Any) -> bool:
        return (
            taken_over(PLAN["tail"], [], data, Given([{}]), lambda name: name != "*", environment, **more) is not None
        )

    assert again(result)
    body = json.loads(result)
    assert not again(json.dumps(body | {"reads": None}).encode())
    assert not again(json.dumps({"v": 1, "manifest": "0" * 64}).encode())
    assert not again(b"no json") and not again(b"")
    assert not again(json.dumps(body | {"reads": body["reads"] | {"parameters": ["*"]}}).encode())
    assert not again(result, "another")
    assert not again(json.dumps(body | {"reads": body["reads"] | {"asks": True}}).encode())
    assert again(json.dumps(body | {"reads": body["reads"] | {"asks": True}}).encode(), None)


def test_a_fork_or_a_question_who_runs_is_noted(tmp_path, monkeypatch):
    from headwater.flow.current import current

    def fork(self: Any) -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)

    def noted(act: Any) -> dict[str, Any]:
        use()
        monkeypatch.setattr(Programs, "carry_out", act)
        inputs = [json.dumps({"v": 1, "artifacts": {}, "new": []}).encode()]
        return json.loads(run_step("tail", 0, {"alpha": 1, "beta": 1}, inputs, tmp_path))["reads"]

    assert noted(fork)["parameters"] == ["*"]
    assert noted(fork)["all"] == rules.state([{}])
    assert noted(lambda self: current.run_id)["asks"] is True
    assert noted(lambda self: dict(self._parameters))["parameters"] == ["alpha", "beta"]
    assert "asks" not in noted(lambda self: current.flow_name)


def test_both_sides_say_the_same_of_inputs():
    entries = {
        "a": {"encoding": "pickle5", "digest": "1" * 64},
        "é": {"encoding": "file", "digest": "2" * 64, "name": "x.png"},
    }
    body = {"artifacts": entries, "foreach": {"fan": entries["a"]}}
    assert rules.state([body, {}]) == reads.state(
        [manifests.Manifest(entries, [], {"fan": entries["a"]}), manifests.Manifest()]
    )


@pytest.mark.parametrize(("now", "before"), [(1, True), (1, 1.5), ("1", 1), (None, 0)])
def test_values_that_only_python_takes_for_equal_are_changes(now, before):
    assert resuming(PLAN, "", {"alpha": now}, {"alpha": before}, []).changed == {"alpha"}
