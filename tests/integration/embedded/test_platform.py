"""The whole platform as a user starts it: `headwater up`, `env`, `status`, kill -9, `down`, `reset`."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
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


def test_a_process_per_service(headwater):
    headwater("up", "--detach", "--split", "--workers", "0")
    told = status(headwater)
    services = {"scheduler", "executor", "tracking", "artifact", "registry", "gateway"}
    assert {p["name"] for p in told["processes"]} == {"supervisor", "nats", "s3", "postgres"} | services
    assert _get_runs(headwater).endswith("200")
    headwater("down")
