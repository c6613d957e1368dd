"""`headwater import mlflow`: what MLflow's store holds, read by its own package, is here afterwards, and only once."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.conftest import ROOT, Platform
from tests.e2e.mlflow.conftest import Client


def bring(mlflow: Client, platform: Platform, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command, in the environment that has mlflow."""
    environ = mlflow.environ | platform.environ | {"PYTHONPATH": str(ROOT / "clients" / "python" / "src")}
    command = [str(mlflow.python), "-m", "headwater.cli.main", "import", "mlflow", *arguments]
    return subprocess.run(command, env=environ, cwd=mlflow.folder, capture_output=True, text=True, check=False)


def test_a_store_of_mlflow_comes_whole(mlflow: Client, platform: Platform, tmp_path: Path) -> None:
    uri = str(tmp_path / "mlruns")
    ids = mlflow.run("old_store.py", str(tmp_path), uri)
    done = bring(mlflow, platform, uri, "--json")
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)
    assert (first["runs"], first["points"], first["files"], first["versions"]) == (2, 1201, 1, 1)
    (skipped,) = first["skipped"]
    assert "version 2 of old-model" in skipped and "file:///somewhere/else" in skipped

    runs = {run["name"]: run for run in platform.json("experiments", "show", "old")}
    parent, child = runs["parent"], runs["child"]
    assert first["run_ids"][ids["parent"]] == parent["runId"]
    assert child["parentRunId"] == parent["runId"] and parent["params"] == {"lr": "0.1", "kernel": "rbf"}
    assert parent["state"] == "TRACKED_RUN_STATE_FINISHED" and child["metrics"][0]["value"] == "NaN"
    (version,) = platform.json("models", "versions", "old-model")
    assert version["lineage"]["runId"].replace("-", "") == parent["runId"].replace("-", "")
    assert "champion" in platform.json("models", "show", "old-model")["model"]["aliases"]

    again = json.loads(bring(mlflow, platform, uri, "--json").stdout)
    assert (again["runs"], again["runs_there_before"], again["points"], again["files"]) == (0, 2, 0, 0)
    assert len(platform.json("models", "versions", "old-model")) == 1


def test_what_is_no_store(mlflow: Client, platform: Platform, tmp_path: Path) -> None:
    def told(*arguments: str) -> Any:
        done = bring(mlflow, platform, *arguments)
        assert done.returncode in (1, 2) and "Traceback" not in done.stderr, done.stderr
        return done.stderr

    assert "cannot read nonsense://x" in told("nonsense://x")
    assert "no experiment 'none'" in told(str(tmp_path), "--only", "none")
