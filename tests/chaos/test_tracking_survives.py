"""The server away at the start, kill -9 of the tracking service and of the client in the middle of a training: no point
that was acknowledged is lost, none is there twice."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import headwater
import headwater.tracking
from headwater.client import http
from tests.e2e.conftest import Platform
from tests.harness.waiting import eventually

pytestmark = pytest.mark.chaos
TRAIN = Path(__file__).parents[1] / "e2e" / "tracking" / "scripts" / "train.py"


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """Nothing runs yet."""
    return Platform(tmp_path_factory.mktemp("tracking"))


@pytest.fixture(scope="module")
def offline(before: Platform) -> str:
    """A run that was begun and ended while there was no server: its id."""
    done = before.run(sys.executable, TRAIN, "offline", "1000", "0")
    assert "no Headwater server is running" in done.stderr and "records wait in" in done.stderr
    return done.stdout.split()[1]


@pytest.fixture(scope="module")
def stack(before: Platform, offline: str) -> Iterator[Platform]:
    before.headwater("up", "--detach", "--split")
    yield before
    before.headwater("down")


@pytest.fixture
def connected(stack: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    for name in ("HEADWATER_URL", "HEADWATER_TOKEN", "HEADWATER_PROJECT", "HEADWATER_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEADWATER_HOME", str(stack.home))
    yield stack
    http.disconnect()


def train(stack: Platform, name: str, points: int, pause: float) -> tuple["subprocess.Popen[str]", str]:
    command = [sys.executable, str(TRAIN), name, str(points), str(pause)]
    process = subprocess.Popen(command, env=stack.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return process, said(process, "run")


def said(process: "subprocess.Popen[str]", word: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(word):
            return line.split()[1]
    raise AssertionError(f"it ended without a word of {word!r}: {process.communicate()[1]}")


def steps(run_id: str) -> list[int]:
    return [point.step for point in headwater.get_metric_history(run_id, "loss")]


def heal() -> None:
    """Any process that logs sends what others have left."""
    with headwater.start_run(experiment="survival", run_name="healer"):
        headwater.flush()


def test_a_run_without_a_server_is_sent_later(connected: Platform, offline: str) -> None:
    heal()
    run = ended(offline)
    assert (run.name, run.experiment, run.params, run.state) == ("offline", "survival", {"points": "1000"}, "finished")
    assert steps(offline) == list(range(1000))
    # It began and ended then, not now.
    (healer, *_) = headwater.search_runs("survival", order_by="attributes.start_time DESC")
    assert run.started_at and run.finished_at and healer.started_at
    assert run.started_at < run.finished_at < healer.started_at


def ended(run_id: str) -> headwater.tracking.TrackedRun:
    run = asyncio.run(eventually(lambda: _tracked(run_id), 30, what=f"the end of run {run_id}"))
    assert run is not None
    return run


def _tracked(run_id: str) -> headwater.tracking.TrackedRun | None:
    try:
        run = headwater.get_run(run_id)
    except headwater.errors.NotFound:
        return None
    return run if run.state != "running" else None


def test_kill_of_the_tracking_service(connected: Platform) -> None:
    process, run_id = train(connected, "service", 3000, 0.02)
    killed: list[int] = []
    for goal in (300, 1200):
        while int(said(process, "stored")) < goal:
            continue
        killed.append(json.loads((connected.home / "stack.json").read_text())["processes"]["tracking"])
        os.kill(killed[-1], signal.SIGKILL)
    _, stderr = process.communicate(timeout=90)
    assert process.returncode == 0, stderr
    assert len(set(killed)) == 2 and steps(run_id) == list(range(3000))
    assert headwater.get_run(run_id).state == "finished"


def test_kill_of_the_client(connected: Platform) -> None:
    process, run_id = train(connected, "client", 100_000, 0.01)
    while (stored := int(said(process, "stored"))) < 500:
        continue
    process.kill()
    process.wait()
    heal()
    run = ended(run_id)
    found = steps(run_id)
    assert run.state == "killed" and len(found) >= stored and found == list(range(len(found)))
