"""The scripts of clients/shell: events, metrics and runs with nothing but curl."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from headwater.client import Run
from headwater.tracking import get_metric_history
from tests.e2e.conftest import ROOT, Platform

SCRIPTS = ROOT / "clients" / "shell"
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


@pytest.fixture(scope="module")
def shell(platform: Platform) -> dict[str, str]:
    """The environment that `eval "$(headwater env)"` makes."""
    script = 'eval "$(python -m headwater.cli.main env)"; env -0'
    path = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", script], env={**platform.environ, "PATH": path}, capture_output=True, text=True, check=True
    )
    return dict(line.split("=", 1) for line in done.stdout.split("\0") if "=" in line)


def run(shell: dict[str, str], script: str, *arguments: str) -> str:
    done = subprocess.run(
        [SCRIPTS / script, *arguments], env=shell, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_runs_and_metrics(shell: dict[str, str], connected: Platform) -> None:
    run_id = connected.example("hello/flow.py")
    assert json.loads(run(shell, "runs.sh", "HelloFlow"))["runs"][0]["runId"] == run_id
    run(shell, "log-metric.sh", run_id, "shell.loss", "0.25", "3")
    (point,) = get_metric_history(run_id, "shell.loss")
    assert (point.step, point.value) == (3, 0.25)


def test_events(shell: dict[str, str], connected: Platform) -> None:
    run_id = connected.example("hello/flow.py")
    follow = subprocess.Popen(
        [SCRIPTS / "follow.sh", "run.succeeded", "1"],
        env=shell,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert follow.stdout is not None
        assert json.loads(follow.stdout.readline())["data"]["runId"] == run_id
        later = connected.example("hello/flow.py")
        assert json.loads(follow.stdout.readline())["data"]["runId"] == later
    finally:
        os.killpg(follow.pid, 15)
        follow.wait()


def test_publishing_starts_a_flow(shell: dict[str, str], connected: Platform) -> None:
    connected.headwater("deploy", ROOT / "examples" / "trigger" / "ingest.py")
    tail = connected.popen("events", "tail", "--type", "run.started", "--last", "1", "--json")
    try:
        assert tail.stdout is not None
        tail.stdout.readline()
        run(shell, "publish.sh", "data.arrived", '{"uri": "from-a-shell", "rows": 7}')
        found = json.loads(tail.stdout.readline())["data"]
        assert found["flow"] == "IngestFlow"
        assert Run(found["runId"]).wait(60).parameters == {"uri": "from-a-shell", "rows": 7}
    finally:
        tail.kill()
        connected.headwater("undeploy", "IngestFlow")


def test_without_a_server_they_say_what_to_do(tmp_path: Path) -> None:
    bare = {"PATH": os.environ["PATH"]}
    done = subprocess.run([SCRIPTS / "runs.sh"], env=bare, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and 'eval "$(headwater env)"' in done.stderr
