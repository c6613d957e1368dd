"""Switches, loops, gangs: files that say `from metaflow import …` leave the same artifacts under both packages."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FLOWS = Path(__file__).parent / "flows"


def _run(command: list[str], folder: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("file", "flow"), [("scheduling_switch.py", "SwitchFlow"), ("scheduling_gang.py", "GangFlow")])
def test_same_artifacts(platform: Any, metaflow_venv: Path, tmp_path: Path, file: str, flow: str):
    folder = Path(shutil.copytree(FLOWS, tmp_path / "flows"))
    ours = [sys.executable, "-m", "headwater.compat.metaflow"]
    _run([*ours, file, "run"], folder, platform.environ)
    mine = json.loads(_run([*ours, "read_artifacts.py", flow], folder, platform.environ))
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW_", "PYTHON"))}
    # The members of its gangs are started with the `python` that the path finds.
    environ["PATH"] = os.pathsep.join((str(metaflow_venv.parent), environ["PATH"]))
    environ["METAFLOW_USER"] = "tester"
    environ |= dict.fromkeys(("METAFLOW_DATASTORE_SYSROOT_LOCAL", "METAFLOW_HOME"), str(folder))
    _run([str(metaflow_venv), file, "--no-pylint", "run"], folder, environ)
    theirs = json.loads(_run([str(metaflow_venv), "read_artifacts.py", flow], folder, environ))
    assert set(mine) == set(theirs)
    for step, tasks in theirs.items():
        expected = [{name: value for name, value in task.items() if name != "name"} for task in tasks]
        names = {name for task in expected for name in task}
        found = [{name: value for name, value in task.items() if name in names} for task in mine[step]]
        assert sorted(map(_text, found)) == sorted(map(_text, expected)), step


def _text(task: dict[str, Any]) -> str:
    return json.dumps(task, sort_keys=True)
