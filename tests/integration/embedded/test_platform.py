"""The whole platform as a user starts it: `headwater up`, `env`, `status`, kill -9, `down`, `reset`."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from headwater_server.embedded.processes import alive
from tests.harness.servers import memory
from tests.harness.waiting import eventually

Command = Callable[..., subprocess.CompletedProcess[str]]
_GET = 'curl -sS -w %{http_code} -H "Authorization: Bearer $HEADWATER_TOKEN"'
LIST_RUNS = f"{_GET} $HEADWATER_URL/api/v1/projects/default/runs"


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="hw-test-", dir=memory()))
    folder.chmod(0o755)
    yield folder / "home"
    shutil.rmtree(folder)


@pytest.fixture
def headwater(home: Path) -> Iterator[Command]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("HEADWATER_")} | {"HEADWATER_HOME": str(home)}
    executable = Path(sys.executable).with_name("headwater")

    def run(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run([str(executable), *arguments], env=env, capture_output=True, text=True, timeout=120)
        assert done.returncode == status, done.stderr
        return done

    yield run
    subprocess.run([str(executable), "down"], env=env, capture_output=True)


def status(headwater: Command) -> dict[str, Any]:
    return json.loads(headwater("status", "--json").stdout)


def test_a_day_in_the_life_of_the_platform(headwater, home):
    assert headwater("status", status=3).stderr
    headwater("up", "--detach")
    told = status(headwater)
    assert {p["name"] for p in told["processes"]} == {"supervisor", "nats", "s3", "postgres", "all", "worker"}
    assert all(p["alive"] for p in told["processes"])
    assert told["memoryMb"] <= 450
    assert _get_runs(headwater).endswith("200")

    before = json.loads((home / "stack.json").read_text())
    for pid in (before["pid"], *before["processes"].values()):
        os.kill(pid, signal.SIGKILL)
    # The kernel takes a killed process apart in its own time, more of it where the machine is busy.
    asyncio.run(eventually(lambda: not any(alive(pid) for pid in before["processes"].values()), what="the end of all"))
    headwater("up", "--detach")
    assert json.loads((home / "stack.json").read_text())["url"] == before["url"], "clients find it where it was"
    assert _get_runs(headwater).endswith("200"), "and the token holds"

    headwater("down")
    headwater("down", status=3)
    assert headwater("reset", status=1).stderr
    headwater("reset", "--yes")
    assert not home.exists()


def _get_runs(headwater: Command) -> str:
    exports = headwater("env").stdout
    done = subprocess.run(["bash", "-c", f'eval "$1"; {LIST_RUNS}', "bash", exports], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


FLOW = """import os, signal, time
from headwater import FlowSpec, current, step
class Dying(FlowSpec):
    @step
    def start(self):
        if not os.path.exists("{folder}/died"):
            signal.pause()
        self.began = time.time()
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    Dying()
"""


async def test_the_tasks_of_a_worker_that_was_killed_run_again_before_its_lease_ends(headwater, home):
    headwater("up", "--detach")
    file = home.parent / "dying.py"
    file.write_text(FLOW.format(folder=home.parent))
    headwater("run", str(file), "run", "--detach", "--run-id-file", str(home.parent / "id"))
    run_id = (home.parent / "id").read_text()
    await eventually(lambda: _task(headwater, run_id).get("worker"), timeout=60, what="a worker that says it has it")
    (home.parent / "died").touch()
    killed = time.time()
    os.kill(json.loads((home / "stack.json").read_text())["processes"]["worker"], signal.SIGKILL)
    await eventually(lambda: _task(headwater, run_id).get("state") == "TASK_STATE_SUCCEEDED", timeout=60)
    task = _task(headwater, run_id)
    assert task["attempt"] == 2
    # A heartbeat comes every 5 s and is good for 15.
    assert datetime.fromisoformat(task["startedAt"]).timestamp() - killed < 9.5


def _task(headwater: Command, run_id: str) -> dict[str, Any]:
    tasks = json.loads(headwater("run", "show", run_id, "--json").stdout)["tasks"]
    return next((task for task in tasks if task["key"]["step"] == "start"), {})


def test_a_process_per_service(headwater):
    headwater("up", "--detach", "--split", "--workers", "0")
    told = status(headwater)
    services = {"scheduler", "executor", "tracking", "artifact", "registry", "gateway"}
    assert {p["name"] for p in told["processes"]} == {"supervisor", "nats", "s3", "postgres"} | services
    assert _get_runs(headwater).endswith("200")
    headwater("down")
