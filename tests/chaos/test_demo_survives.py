"""kill -9 of one part after the other in the middle of the demo: each time it ends in the same result, once.

The stack runs split, a process per service, so that the scheduler can die alone. The supervisor starts again what died.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from headwater.client import Run, http
from headwater.client.http import API, connect
from headwater.models import Promotion, get_version, list_promotions
from tests.e2e.conftest import EXAMPLES, Platform

pytestmark = pytest.mark.chaos
EPOCHS = "6"
PATIENCE = 90.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(tmp_path_factory.mktemp("chaos"))
    made.headwater("up", "--detach", "--split")
    made.headwater("deploy", EXAMPLES / "digits" / "score.py")
    yield made
    made.headwater("down")


@pytest.fixture
def connected(stack: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    for name in ("HEADWATER_URL", "HEADWATER_TOKEN", "HEADWATER_PROJECT", "HEADWATER_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEADWATER_HOME", str(stack.home))
    yield stack
    http.disconnect()


def start(stack: Platform) -> str:
    flow = EXAMPLES / "digits" / "flow.py"
    done = stack.run(sys.executable, flow, "--quiet", "run", "--detach", "--epochs", EPOCHS)
    return done.stdout.split()[-1]


def in_the_middle(run_id: str) -> None:
    """Returns when some of the networks are trained and others are not."""
    done = 0
    for event, _, data in connect().stream(f"{API}/runs/{run_id}/stream"):
        done += event == "task.succeeded" and data.get("data", {}).get("step") == "train"
        assert event != "end", "the run was over before anything could be killed"
        if done >= 3:
            return


def kill(stack: Platform, part: str) -> int:
    pid = json.loads((stack.home / "stack.json").read_text())["processes"][part]
    os.kill(pid, signal.SIGKILL)
    return pid


def follow_up(promotion: Promotion) -> Run:
    """The one run that a promotion started, once it is over."""
    query, until = {"type": "run.started", "last": 100}, time.monotonic() + PATIENCE
    for _, _, event in connect().stream(f"{API}/projects/default/events", query, until=until):
        fact = event.get("data", {})
        if fact.get("trigger", {}).get("eventId") == promotion.event_id:
            return Run(fact["runId"]).wait(PATIENCE)
    raise AssertionError("the stream of events ended")


@pytest.fixture(scope="module")
def undisturbed(stack: Platform) -> dict[str, float]:
    """Metrics of the model that comes out when nothing dies."""
    run_id = start(stack)
    os.environ["HEADWATER_HOME"] = str(stack.home)
    try:
        assert Run(run_id).wait(PATIENCE).successful
        return get_version("digits@champion").metrics
    finally:
        del os.environ["HEADWATER_HOME"]
        http.disconnect()


@pytest.mark.parametrize("part", ["scheduler", "worker", "nats", "postgres", "s3"])
def test_the_demo_ends_in_the_same_result(connected: Platform, undisturbed: dict[str, float], part: str) -> None:
    run_id = start(connected)
    in_the_middle(run_id)
    kill(connected, part)
    run = Run(run_id).wait(PATIENCE)
    assert run.successful, run.failure
    assert [len(list(step)) for step in run] == [1, 12, 1, 1]
    version = get_version("digits@champion")
    assert (version.run_id, version.metrics) == (run_id, undisturbed)
    (promotion,) = [p for p in list_promotions("digits", "champion") if p.run_id == run_id]
    scored = follow_up(promotion)
    assert scored.successful and scored.data is not None
    assert scored.data.accuracy == version.metrics["held_out_accuracy"]
    query = {"flow": "ScoreChampion", "eventId": promotion.event_id}
    assert len(connect().call("GET", f"{API}/projects/default/runs", query=query)["runs"]) == 1
