"""Deleting runs, collecting what they left, auditing the bucket and retention, as a user does it."""

import sys
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from headwater import Run
from headwater.client import namespaces
from headwater.client.http import API, connect
from headwater.errors import NotFound
from tests.e2e.conftest import Platform

FLOW = """
from headwater import FlowSpec, step
import os, headwater

class Upkeep(FlowSpec):
    @step
    def start(self):
        self.data = os.urandom(600_000)
        print("a line")
        headwater.log_metric("loss", 0.5)
        self.next(self.end)

    @step
    def end(self):
        headwater.register_model("upkeep", os.urandom(300_000))

if __name__ == "__main__":
    Upkeep()
"""
COMMAND = (sys.executable, "-m", "headwater.cli.main")


@pytest.fixture
def runs(connected: Platform, tmp_path: Path) -> list[str]:
    """Two runs of a flow."""
    file, ident = tmp_path / "flow" / "upkeep.py", tmp_path / "run-id"
    file.parent.mkdir()
    file.write_text(FLOW)
    found: list[str] = []
    for _ in range(2):
        connected.run(sys.executable, file, "run", "--run-id-file", ident)
        found.append(ident.read_text())
    return found


async def test_a_deleted_run_is_gone_everywhere(
    connected: Platform, runs: list[str], eventually: Callable[..., Awaitable[Any]]
) -> None:
    first, second = runs
    namespaces.namespace(None)
    data = Run(f"Upkeep/{second}").data.data
    models = connected.json("models", "versions", "upkeep")
    tracked = f"{API}/tracking/runs/{first}"
    await eventually(lambda: connect().call("GET", tracked))
    planned = connected.json("gc", "--grace", "0", "--dry-run")["bytes"]

    told = connected.headwater("runs", "delete", f"Upkeep/{first}", "--yes")
    assert first[-8:] in told and "is deleted" in told
    again = connected.run(*COMMAND, "runs", "delete", first, "--yes", fails=True)
    assert again.returncode == 4 and "there is no run" in again.stderr
    with pytest.raises(NotFound):
        Run(f"Upkeep/{first}")
    assert [run["runId"] for run in connected.json("runs", "--flow", "Upkeep")] == [second]
    await eventually(lambda: _not_there(tracked))
    await eventually(lambda: connected.json("gc", "--grace", "0", "--dry-run")["bytes"] >= planned + 600_000)
    assert connected.json("gc", "--grace", "0")["bytes"] >= 600_000
    assert connected.json("gc", "--grace", "0")["blobs"] == 0

    # What others need is there: the other run's values, both versions of the model, and nothing is missing.
    assert Run(f"Upkeep/{second}").data.data == data
    versions = connected.json("models", "versions", "upkeep")
    assert [each["digest"] for each in versions] == [each["digest"] for each in models]
    gone = {each["lineage"]["runId"]: "runDeletedAt" in each["lineage"] for each in versions}
    assert gone == {first: True, second: False}
    audit = connected.json("doctor", "artifacts", "--deep")
    assert audit["findings"] == [] and audit["blobs"] > 2


def test_retention_of_a_project(connected: Platform) -> None:
    project = f"kept-{uuid.uuid4().hex[:6]}"
    assert "for ever" in connected.headwater("retention", "show", project)
    told = connected.headwater("retention", "set", project, "--keep-runs-for", "30d", "--keep-last", "3")
    assert "kept for 30d" in told and "last 3" in told
    rule = connected.json("retention", "show", project)
    assert (rule["keepRunsFor"], rule["keepLast"]) == ("2592000s", 3)
    assert "for ever" in connected.headwater("retention", "unset", project)
    refused = connected.run(*COMMAND, "retention", "set", project, "--keep-runs-for", "soon", fails=True)
    assert refused.returncode == 2 and "is not a period" in refused.stderr


async def test_a_project_is_emptied_while_it_runs(
    connected: Platform, tmp_path: Path, eventually: Callable[..., Awaitable[Any]]
) -> None:
    project = Platform(connected.home)
    project.environ = {**connected.environ, "HEADWATER_PROJECT": "class-of-26"}
    made = project.json("projects", "create", "class-of-26", "--description", "Exercises")
    assert made["createdBy"]["name"] and "class-of-26" in connected.headwater("projects")
    again = connected.run(*COMMAND, "projects", "create", "class-of-26", fails=True)
    assert again.returncode == 1 and "exists" in again.stderr
    file = tmp_path / "flow" / "slow.py"
    file.parent.mkdir()
    slow = FLOW.replace('print("a line")', "import time; time.sleep(600)").replace("Upkeep", "Slow")
    file.write_text(slow)
    project.run(sys.executable, file, "run", "--detach")
    assert await eventually(lambda: project.json("runs")[0]["tasks"].get("running") == 1)
    await eventually(lambda: [each["name"] for each in project.json("experiments")] == ["Slow"])

    removed = project.json("projects", "reset", "class-of-26", "--yes")
    assert (removed["runs"], removed["tracked runs"]) == ("1", "1")
    assert project.json("runs") == [] and [each["name"] for each in project.json("experiments")] in ([], ["Default"])
    assert project.json("projects", "reset", "class-of-26", "--yes") == {}
    project.headwater("projects", "delete", "class-of-26", "--yes")
    assert "class-of-26" not in connected.headwater("projects")
    for verb in ("reset", "delete"):
        unknown = connected.run(*COMMAND, "projects", verb, "class-of-62", "--yes", fails=True)
        assert unknown.returncode == 4 and "there is no project 'class-of-62'" in unknown.stderr
    refused = connected.run(*COMMAND, "projects", "delete", "default", "--yes", fails=True)
    assert "always there" in refused.stderr


def _not_there(path: str) -> bool:
    try:
        connect().call("GET", path)
    except NotFound:
        return True
    return False
