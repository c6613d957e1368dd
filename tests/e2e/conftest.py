"""`platform`: one stack for the end-to-end tests of the client, the command and the examples, used as a user would."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.client import http

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


class Platform:
    """A running stack, and the commands of a user beside it."""

    def __init__(self, home: Path) -> None:
        ours = ("HEADWATER_", "METAFLOW_", "MLFLOW_", "OTEL_", "TRACEPARENT")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        path = os.pathsep.join((str(ROOT / "clients" / "python" / "src"), str(ROOT / "services")))
        self.home = home
        self.environ = {**kept, "HEADWATER_HOME": str(home), "PYTHONPATH": path, "TZ": "UTC"}

    def run(self, *command: str | Path, fails: bool = False, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs a command; its exit status must be 0, or with `fails` another."""
        words = [str(word) for word in command]
        done = subprocess.run(words, env=self.environ, capture_output=True, text=True, timeout=timeout, check=False)
        assert (done.returncode != 0) == fails, f"{words} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def headwater(self, *arguments: str | Path) -> str:
        """The output of `headwater …`."""
        return self.run(sys.executable, "-m", "headwater.cli.main", *arguments).stdout

    def json(self, *arguments: str | Path) -> Any:
        """What `headwater … --json` prints."""
        return json.loads(self.headwater(*arguments, "--json"))

    def popen(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        """`headwater …` as a process that goes on."""
        command = [sys.executable, "-m", "headwater.cli.main", *map(str, arguments)]
        return subprocess.Popen(command, env=self.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def example(self, file: str, *arguments: str) -> str:
        """Runs a flow of examples/ to its end; returns the id of the run."""
        ident = self.home / "run-id"
        self.run(sys.executable, EXAMPLES / file, "run", "--run-id-file", ident, *arguments)
        return ident.read_text()


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(tmp_path_factory.mktemp("platform"))
    made.headwater("up", "--detach")
    yield made
    made.headwater("down")


@pytest.fixture
def connected(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """The platform, with the SDK of this process talking to it."""
    for name in ("HEADWATER_URL", "HEADWATER_TOKEN", "HEADWATER_PROJECT", "HEADWATER_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEADWATER_HOME", str(platform.home))
    yield platform
    http.disconnect()
