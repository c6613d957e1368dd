"""The real `metaflow` package with Headwater as its metadata service and datastore."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Platform
from tests.e2e.metaflow.packages import READ, Package

PEER = Path(__file__).parent / "peer"
HELLO, ONE, LOOK = PEER / "hello_flow.py", PEER / "one_flow.py", PEER / "look.py"


def shown(platform: Platform, pathspec: str) -> dict[str, Any]:
    """The run as our lists show it."""
    runs = platform.json("runs", "list", "--limit", "50")
    return next(run for run in runs if run.get("externalId") == pathspec)


def until(platform: Platform, pathspec: str, state: str, patience: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + patience
    while (run := shown(platform, pathspec))["state"] != f"RUN_STATE_{state}":
        assert time.monotonic() < deadline, run
        time.sleep(0.5)
    return run


def test_a_run_is_kept_read_and_shown_beside_ours(real: Package, platform: Platform) -> None:
    pathspec = real.run(HELLO, "--tag", "first", "--alpha", "0.25")
    found = real.client(LOOK, pathspec)
    assert found == {
        "service": True,
        "flows": ["HelloFlow"],
        "successful": True,
        "finished": True,
        "words": ["aa", "bb", "cc"],
        "alpha": 0.25,
        "tasks": {"end": 1, "join": 1, "right": 1, "left": 1, "fork": 1, "gather": 1, "work": 3, "start": 1},
        "stdout": "the end ['aa', 'bb', 'cc'] 0.25",
        "attempt": 0,
        "tries": [0],
        "metadata": "True",
        "parents of gather": ["work"] * 3,
        "children of fork": ["left", "right"],
        "parents of join": ["left", "right"],
        "code": True,
        "tags": ["first", "good"],
        "tags of a task": ["first", "good"],
        "by tag": [True],
        "system tags stay": True,
        "namespaces hide": True,
    }
    run = shown(platform, pathspec)
    assert (run["state"], run["engine"], run["tags"]) == ("RUN_STATE_SUCCEEDED", "metaflow", ["first", "good"])
    assert run["tasks"] == {"succeeded": 10}
    view = platform.json("run", "show", run["runId"])
    assert [step["name"] for step in view["run"]["graph"]["steps"]][:3] == ["start", "work", "gather"]
    assert view["tracked"]["state"] == "TRACKED_RUN_STATE_FINISHED"


def test_attempts_failures_and_resumes(real: Package, platform: Platform) -> None:
    out = real.flow(HELLO, "--no-pylint", "run", "--run-id-file", str(real.folder / "id"), TROUBLE="always", fails=True)
    pathspec = f"HelloFlow/{(real.folder / 'id').read_text()}"
    assert "on purpose" in out
    failed = until(platform, pathspec, "FAILED")
    assert failed["failure"]["code"] == "USER_ERROR" and "left" in failed["failure"]["message"]
    assert not real.client(READ, pathspec)["successful"]
    resumed = real.run(HELLO, command="resume")
    found = real.client(LOOK, resumed)
    assert found["successful"] and found["words"] == ["aa", "bb", "cc"]
    run = shown(platform, resumed)
    assert (run["state"], run["originRunId"]) == ("RUN_STATE_SUCCEEDED", failed["runId"])
    again = real.flow(HELLO, "--no-pylint", "run", "--run-id-file", str(real.folder / "id"), TROUBLE="once")
    assert "on purpose" in again
    found = real.client(LOOK, f"HelloFlow/{(real.folder / 'id').read_text()}")
    assert (found["attempt"], found["tries"], found["metadata"]) == (1, [0, 1], "True")


def test_a_killed_client_leaves_no_run_behind(real: Package, platform: Platform) -> None:
    ident = real.folder / "id"
    process = real.start(HELLO, "--no-pylint", "run", "--run-id-file", str(ident), TROUBLE="sleep")
    assert process.stdout is not None
    assert any("asleep" in line for line in process.stdout)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    pathspec = f"HelloFlow/{ident.read_text()}"
    assert shown(platform, pathspec)["state"] == "RUN_STATE_RUNNING"
    run = until(platform, pathspec, "FAILED")
    assert run["failure"]["code"] == "CLIENT_LOST" and run["failure"]["hint"]


@pytest.mark.parametrize("headers", ["{}", '{"Authorization": "Bearer hw_pat_wrong"}'])
def test_nobody_enters_without_a_token(real: Package, headers: str) -> None:
    out = real.flow(ONE, "--no-pylint", "run", METAFLOW_SERVICE_HEADERS=headers, fails=True)
    assert "401" in out and "UNAUTHENTICATED" in out


def test_a_token_is_for_its_project_and_may_come_as_the_auth_key(real: Package, platform: Platform) -> None:
    mine = real.run(ONE)
    made = platform.json("token", "create", "peer", "--role", "editor", "--project", "elsewhere")
    real.environ |= {"METAFLOW_SERVICE_HEADERS": "{}", "METAFLOW_SERVICE_AUTH_KEY": made["secret"]}
    theirs = real.run(ONE)
    read = ("import json; from metaflow import Flow, namespace; namespace(None);"
            " print(json.dumps([r.pathspec for r in Flow('OneFlow')]))")  # fmt: skip
    done = subprocess.run(
        [*real.python, "-c", read], env=real.environ, cwd=real.folder, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [theirs]
    assert mine != theirs


def test_ids_that_are_numbers_are_the_servers(real: Package) -> None:
    script = (
        "import json; from metaflow.plugins.metadata_providers import service as s\n"
        "client = s.ServiceMetadataProvider\n"
        "client.INFO = client.default_info()\n"
        "def post(number):\n"
        "    try: row, _ = client._request(None, '/flows/Ids/run', 'POST', {'run_number': number, 'tags': []})\n"
        "    except s.ServiceException as error: return error.http_code\n"
        "    return row and row['run_number']\n"
        "print(json.dumps([post(n) for n in ('12', 'argo-x', 'argo-x')]))"
    )
    done = subprocess.run(
        [*real.python, "-c", script], env=real.environ, cwd=real.folder, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [400, "argo-x", None]
