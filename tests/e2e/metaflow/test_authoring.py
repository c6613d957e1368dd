"""Files that say `from metaflow import …`: the same artifacts under Headwater as under the real package."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FLOWS = Path(__file__).parent / "flows"
# Different by nature: Metaflow's name of the flow, and the text of a traceback.
UNLIKE = {"name", "problem"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flows where both may leave their files behind."""
    return Path(shutil.copytree(FLOWS, tmp_path_factory.mktemp("flows"), dirs_exist_ok=True))


@pytest.fixture
def headwater(platform: Any, folder: Path) -> Any:
    def run(*words: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        return _run([sys.executable, "-m", "headwater.compat.metaflow", *words], folder, platform.environ, status)

    return run


@pytest.fixture
def metaflow(metaflow_venv: Path, folder: Path) -> Any:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("METAFLOW_", "PYTHON"))}
    environ |= {
        "METAFLOW_USER": "tester",
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder),
        "METAFLOW_HOME": str(folder),
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return _run([str(metaflow_venv), *words], folder, environ, 0)

    return run


def _run(command: list[str], folder: Path, environ: dict[str, str], status: int) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done


@pytest.mark.parametrize(
    ("file", "flow", "before", "after"),
    [
        ("authoring_basic.py", "BasicFlow", (), ("--alpha", "0.25", "--item-count", "4")),
        ("authoring_config.py", "ConfigFlow", ("--config-value", "extra", '{"mode": "x", "nested": {"depth": 9}}'), ()),
        ("authoring_mutators.py", "MutatorFlow", (), ()),
        ("authoring_shapes.py", "Shapes", (), ("--with", "retry:times=1", "--left", "other")),
        ("authoring_single.py", "SingleFlow", (), ()),
    ],
)
def test_same_artifacts(headwater, metaflow, file, flow, before, after):
    headwater(file, *before, "run", *after)
    ours = json.loads(headwater("read_artifacts.py", flow).stdout)
    metaflow(file, "--no-pylint", *before, "run", *after)
    theirs = json.loads(metaflow("read_artifacts.py", flow).stdout)
    assert set(ours) == set(theirs)
    for step, tasks in theirs.items():
        assert len(ours[step]) == len(tasks), step
        for mine, other in zip(ours[step], tasks, strict=True):
            expected = {name: value for name, value in other.items() if name not in UNLIKE}
            assert {name: mine.get(name) for name in expected} == expected, step


def test_secrets_stay_out_of_sight_and_hooks_run(headwater):
    done = headwater("authoring_single.py", "--branch", "staging", "run")
    assert "password ******" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
    assert "hook of SingleFlow True" in done.stdout
    assert "Project: tiny, Branch: test.staging" in done.stderr
    ours = json.loads(headwater("read_artifacts.py", "SingleFlow").stdout)["only"][0]
    assert ours["project"] == "['tiny', 'test', False]"
    assert ours["user_branch"] == "False"


def test_run_of_the_command_is_the_same(platform, folder):
    done = platform.run(
        sys.executable, "-m", "headwater.cli.main", "run", folder / "authoring_shapes.py", "--alpha", "5"
    )
    assert "Done!" in done.stdout


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        (("authoring_config.py", "--config", "confg", "x.json", "run"), 2, "no config 'confg'; did you mean 'config'"),
        (
            ("authoring_config.py", "--config", "config", "absent.json", "run"),
            2,
            "configuration file 'absent.json' could",
        ),
        (("authoring_config.py", "--config-value", "config", "{", "run"), 2, "for 'config' is not valid JSON"),
        (("authoring_basic.py", "run", "--text", "absent.txt"), 2, "cannot read the file 'absent.txt'"),
        (("authoring_basic.py", "run", "--with", "retri"), 1, "unknown decorator 'retri'; did you mean 'retry'"),
        (("authoring_basic.py", "--branch", "b", "run"), 1, "need @project on BasicFlow"),
        (("absent.py", "run"), 1, "there is no file 'absent.py'"),
    ],
)
def test_wrong_usage(headwater, words, status, text):
    done = headwater(*words, status=status)
    assert text in done.stderr
    assert "Traceback" not in done.stderr


def test_each_branch_of_a_project_has_a_deployment_of_its_own(platform, headwater, folder):
    headwater("authoring_single.py", "--production", "deploy")
    platform.json("deploy", folder / "authoring_single.py")
    try:
        names = {each["name"] for each in platform.json("flows")["deployments"]}
        assert "tiny.prod.SingleFlow" in names
        assert len({name for name in names if name.startswith("tiny.user.")}) == 1
    finally:
        for name in [each["name"] for each in platform.json("flows")["deployments"] if each["name"].startswith("tiny")]:
            platform.headwater("undeploy", name)
