"""A stack of its own for the tests of this folder, and flows as processes, the way users start them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FLOWS = Path(__file__).parent / "flows"
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a user whose stack is started by the first flow."""
    home = tmp_path_factory.mktemp("headwater-home")
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("HEADWATER_", "METAFLOW_", "OTEL_", "TRACEPARENT"))
    }
    path = os.pathsep.join((str(ROOT / "clients" / "python" / "src"), str(ROOT / "services")))
    environ = {**kept, "HEADWATER_HOME": str(home), "PYTHONPATH": path, "TZ": "UTC"}
    yield environ
    subprocess.run(
        [sys.executable, "-c", "from headwater.cli.main import main; main()", "down"],
        env=environ,
        timeout=60,
        check=False,
    )


class FlowProcess:
    """A running `python flow.py …`."""

    def __init__(self, environment: dict[str, str], file: str, arguments: tuple[str, ...]) -> None:
        command = [sys.executable, str(FLOWS / file), *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)

    def until(self, text: str) -> str:
        """Reads stdout up to the line with a text."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if text in line:
                return line
        raise AssertionError(f"the flow ended before it said {text!r}: {self.process.communicate()}")

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=90)
        return self.process.returncode, out, err


@pytest.fixture
def start(environment: dict[str, str]) -> Any:
    def start(file: str, *arguments: str) -> FlowProcess:
        return FlowProcess(environment, file, arguments)

    return start


@pytest.fixture
def flow(start: Any) -> Any:
    """Runs a flow file to its end: (exit status, stdout, stderr)."""

    def flow(file: str, *arguments: str) -> tuple[int, str, str]:
        return start(file, *arguments).end()

    return flow


@pytest.fixture
def state_of(environment: dict[str, str]) -> Any:
    """What the server says about a run."""

    def state_of(run_id: str) -> dict[str, Any]:
        script = "import json, sys; from headwater.client.http import connect\n"
        script += "print(json.dumps(connect().call('GET', '/api/v1/runs/' + sys.argv[1])['run']))"
        done = subprocess.run(
            [sys.executable, "-c", script, run_id],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(done.stdout)

    return state_of
