"""Deploy scripts written for Metaflow: argo-workflows and step-functions are Headwater's deployments by other names."""

import subprocess
import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "flows" / "deployed_hooks.py"


def _flow(platform: Any, *words: str | Path, fails: bool = False) -> "subprocess.CompletedProcess[str]":
    return platform.run(sys.executable, "-m", "headwater.compat.metaflow", FILE, *words, fails=fails)


async def test_what_scripts_call(platform, tmp_path, eventually):
    argo = ("argo-workflows", "--name", "nightly")
    made = _flow(
        platform, *argo, "create", "--max-workers", "2", "--workflow-timeout", "600", "--workflow-priority", "3",
        "--notify-on-error", "--no-auto-emit-argo-events", "--tag", "t",
    )  # fmt: skip
    assert "Deployed nightly version 1" in made.stdout
    assert "--notify-on-error has no effect: @exit_hook" in made.stderr
    assert "auto-emit" not in made.stderr
    told = tmp_path / "run-id"
    assert "triggered on Headwater" in _flow(platform, *argo, "trigger", "--alpha", "7", "--run-id-file", told).stdout
    run_id = told.read_text()
    await eventually(lambda: _flow(platform, *argo, "status", f"argo-{run_id}").stdout == "Succeeded\n", timeout=60)
    run = platform.json("run", "show", run_id)["run"]
    assert (run["priority"], run["tags"], run["parameters"]["alpha"]) == (3, ["t"], 7)
    assert "deadline" in run
    assert f"{run_id} startedAt:" in _flow(platform, *argo, "list-runs", "--succeeded").stdout
    assert "No executions" in _flow(platform, *argo, "list-runs", "--running").stdout
    assert "nightly" in _flow(platform, "argo-workflows", "list-workflow-templates").stdout
    assert "is over already" in _flow(platform, *argo, "terminate", run_id).stdout
    hooks = await eventually(lambda: _hooks_of(platform, run_id), timeout=60)
    logged = platform.headwater("logs", hooks)
    assert f"report of DeployedFlow/{run_id} True 14" in logged
    assert "Deleted workflow nightly" in _flow(platform, *argo, "delete").stdout
    assert "no flow 'nightly' is deployed" in _flow(platform, *argo, "trigger", fails=True).stderr


def _hooks_of(platform: Any, run_id: str) -> str:
    runs = platform.json("runs", "--flow", "DeployedFlow.exit_hook")
    found = [run for run in runs if run_id in run["trigger"]["payloadJson"] and run["state"] == "RUN_STATE_SUCCEEDED"]
    return found[0]["runId"] if found else ""


def test_what_is_refused_says_the_way_out(platform):
    assert '"flow": "DeployedFlow"' in _flow(platform, "step-functions", "create", "--only-json").stdout
    refused = _flow(platform, "airflow", "create", "dag.py", fails=True)
    assert "compiles no Airflow DAGs" in refused.stderr and "deploy` lets @schedule" in refused.stderr
    assert "invalid choice: 'list'" in _flow(platform, "step-functions", "list", fails=True).stderr
