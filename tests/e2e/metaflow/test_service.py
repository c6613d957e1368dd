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
HELLO, TROUBLE, ONE, LOOK = (PEER / f"{name}.py" for name in ("hello_flow", "trouble_flow", "one_flow", "look"))


# The data of the longer runs stays here: what S3 costs the client, another test pays once.
LOCALLY = {"METAFLOW_DEFAULT_DATASTORE": "local"}


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
    real.environ |= LOCALLY
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
        "attempt": 1,
        "tries": [0, 1],
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


def test_a_failed_run_is_resumed_with_its_data_in_our_bucket(real: Package, platform: Platform) -> None:
    pathspec = real.run(TROUBLE, TROUBLE="fail", fails=True)
    failed = until(platform, pathspec, "FAILED")
    assert failed["failure"]["code"] == "USER_ERROR" and "middle" in failed["failure"]["message"]
    resumed = real.run(TROUBLE, command="resume")
    steps = {"start": [{"x": 1}], "middle": [{"x": 2}], "end": [{"x": 3}]}
    assert real.client(READ, resumed) == {"successful": True, "steps": steps}
    run = shown(platform, resumed)
    assert (run["state"], run["originRunId"]) == ("RUN_STATE_SUCCEEDED", failed["runId"])
    tasks = platform.json("run", "show", run["runId"])["tasks"]
    assert {t["key"]["step"]: t.get("originRunId") for t in tasks} == {
        "start": failed["runId"],
        "middle": None,
        "end": None,
    }


def test_a_killed_client_leaves_no_run_behind(real: Package, platform: Platform) -> None:
    real.environ |= LOCALLY
    ident = real.folder / "id"
    process = real.start(TROUBLE, "--no-pylint", "run", "--run-id-file", str(ident), TROUBLE="sleep")
    assert process.stdout is not None
    assert any("asleep" in line for line in process.stdout)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    pathspec = f"TroubleFlow/{ident.read_text()}"
    run = until(platform, pathspec, "FAILED")
    assert run["failure"]["code"] == "CLIENT_LOST" and run["failure"]["hint"]


@pytest.mark.parametrize("headers", ["{}", '{"Authorization": "Bearer hw_pat_wrong"}'])
def test_nobody_enters_without_a_token(real: Package, headers: str) -> None:
    out = real.flow(ONE, "--no-pylint", "run", METAFLOW_SERVICE_HEADERS=headers, fails=True)
    assert "401" in out and "UNAUTHENTICATED" in out


def test_a_token_is_for_its_project_and_may_come_as_the_auth_key(real: Package, platform: Platform) -> None:
    made = platform.json("token", "create", "peer", "--role", "editor", "--project", "elsewhere")
    real.environ |= LOCALLY
    theirs = {"METAFLOW_SERVICE_HEADERS": "{}", "METAFLOW_SERVICE_AUTH_KEY": made["secret"]}
    pathspec = real.run(ONE, **theirs)
    assert not any(run.get("externalId") == pathspec for run in platform.json("runs", "list"))
    assert "does not exist" in real.flow(READ, pathspec, fails=True)
    assert '"successful": true' in real.flow(READ, pathspec, **theirs)


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
