"""Parameters arrive as they were given: equal, and of equal type, in a step and in the Client API."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.client import Flow, Run
from headwater.errors import NotFound
from headwater.events import ArgoEvent
from headwater.runner import DeployedFlow
from tests.e2e.conftest import Platform

FLOW = """from headwater import FlowSpec, JSONType, Parameter, step
class ExactFlow(FlowSpec):
    value = Parameter("value", type=JSONType, default="{}")
    count = Parameter("count", type=int, default=2**60 + 1)
    rate = Parameter("rate", type=float, default=2)
    limit = Parameter("limit", type=float, default=float("inf"))
    @step
    def start(self):
        self.seen = self.value
        self.numbers = [self.count, self.rate, self.limit]
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    ExactFlow()
"""
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
SCALARS = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | TEXT
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
HARD = {
    "z": 9007199254740993,
    "a": [2.0, 2, 1e16, 1e300, -0.0, 5e-324, 10**30, -(2**63) - 1, True, None],
    "": {"é": ""},
}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("exact") / "exact.py"
    file.write_text(FLOW)
    return file


def _started(connected: Platform, file: Path, *words: str) -> Run:
    told = file.parent / "id"
    connected.run(sys.executable, file, *words, "--run-id-file", told)
    return Run(f"ExactFlow/{told.read_text()}")


def test_of_a_command_and_of_a_resumed_run(connected, file):
    run = _started(connected, file, "run", "--value", json.dumps(HARD))
    again = _started(connected, file, "resume", "start", "--rate", "3", "--origin-run-id", run.id)
    for each, rate in ((run, 2.0), (again, 3.0)):
        data = each["start"].task.data
        assert repr(data.seen) == repr(data.value) == repr(each.data.value) == repr(HARD)
        assert repr(each.parameters["value"]) == repr(HARD)
        assert repr(data.numbers) == repr([data.count, data.rate, data.limit]) == repr([2**60 + 1, rate, float("inf")])
        assert repr([each.data.count, each.data.rate, each.data.limit]) == repr(data.numbers)
    shown = connected.json("run", "show", run.id)["run"]["parameters"]
    assert repr(shown["value"]) == repr(HARD)
    assert repr((shown["count"], shown["rate"])) == repr((2**60 + 1, 2.0))


def test_numbers_that_json_cannot_say_are_refused(connected, file):
    done = connected.run(sys.executable, file, "run", "--value", "[NaN]", fails=True)
    assert "parameter 'value': [nan] holds a number that JSON cannot say" in done.stderr


def _deployed(connected: Platform, file: Path) -> DeployedFlow:
    connected.headwater("deploy", file)
    return DeployedFlow.from_deployment("ExactFlow")


def test_of_a_deployment(connected, file):
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(value=JSON, count=st.integers(), rate=st.floats(allow_nan=False, allow_infinity=False) | st.integers(-9, 9))
    def check(value: Any, count: int, rate: float) -> None:
        triggered = flow.trigger(value=value, count=count, rate=rate)
        triggered.wait_for_completion(check_interval=0, timeout=60)
        run = Run(f"ExactFlow/{triggered.name}")
        assert run.successful
        assert repr(run.parameters) == repr({**run.parameters, "value": value, "count": count, "rate": rate})
        data = run["start"].task.data
        assert repr(data.seen) == repr(data.value) == repr(run.data.value) == repr(value)
        assert repr(data.numbers) == repr([count, float(rate), float("inf")])
        assert repr([run.data.count, run.data.rate]) == repr([count, float(rate)])

    flow = _deployed(connected, file)
    assert repr(flow.workflow_template["parameters"]["count"]) == repr(2**60 + 1)
    check()


async def test_of_an_event(connected, file, eventually):
    head = "from headwater import trigger\n"
    head += '@trigger(event="exact.asked", parameters={"value": "deep.value", "rate": "rate"})\n'
    file = file.with_name("triggered.py")
    file.write_text(FLOW.replace("class ", head + "class ").replace("Exact", "Event"))
    connected.headwater("deploy", file)
    ArgoEvent("exact.asked").publish({"deep": {"value": HARD}, "rate": 3})
    run = await eventually(_last_success, timeout=60)
    assert repr(run["start"].task.data.seen) == repr(run.parameters["value"]) == repr(run.data.value) == repr(HARD)
    assert repr(run.data.rate) == "3.0"


def _last_success() -> Run | None:
    try:
        return Flow("EventFlow").latest_successful_run
    except NotFound:
        return None
