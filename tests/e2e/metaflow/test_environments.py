"""Packages of steps, end to end: a stack whose only package index is a folder of tiny wheels made here."""

import sys
from pathlib import Path

import pytest

from headwater import Flow
from headwater.client import http
from headwater.client.resources import list_runs
from tests.e2e.conftest import Platform
from tests.harness.wheels import make_wheel

FLOW = """
import sys
from metaflow import FlowSpec, conda, current, pypi, pypi_base, step

def version():
    try:
        import hw_tiny
    except ImportError:
        return None
    return hw_tiny.VERSION

@pypi_base(packages={"hw_tiny": "1.0"})
class Packages(FlowSpec):
    @step
    def start(self):
        self.start_has = version()
        self.python = sys.executable
        self.next(self.newer)

    @conda(libraries={"conda-forge::hw_tiny": ">=2"})
    @step
    def newer(self):
        import hw_needs
        self.newer_has = version()
        self.items = [1, 2]
        self.next(self.each, foreach="items")

    @pypi(disabled=True)
    @step
    def each(self):
        self.each_has = version()
        self.next(self.join)

    @step
    def join(self, inputs):
        self.merge_artifacts(inputs)
        self.join_has = version()
        self.next(self.end)

    @step
    def end(self):
        pass

if __name__ == "__main__":
    Packages()
"""
BROKEN = """
from metaflow import FlowSpec, pypi, step

class Broken(FlowSpec):
    @pypi({what})
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self): ...

if __name__ == "__main__":
    Broken()
"""
OURS = (sys.executable, "-m", "headwater.compat.metaflow")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    make_wheel(folder, "hw_tiny", "1.0")
    make_wheel(folder, "hw_tiny", "2.0", ["hw_needs"])
    make_wheel(folder, "hw_needs", "0.5")
    made = Platform(tmp_path_factory.mktemp("stack"))
    made.environ |= {"UV_FIND_LINKS": str(folder), "UV_NO_INDEX": "1"}
    made.headwater("up", "--detach")
    yield made
    made.headwater("down")


@pytest.fixture
def client(stack, monkeypatch):
    for name in ("HEADWATER_URL", "HEADWATER_TOKEN", "HEADWATER_PROJECT", "HEADWATER_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEADWATER_HOME", str(stack.home))
    yield stack
    http.disconnect()


def flow(folder: Path, text: str) -> Path:
    file = folder / "packages_flow.py"
    file.write_text(text)
    return file


def test_each_step_has_the_packages_that_it_asks_for(client, tmp_path):
    file = flow(tmp_path, FLOW)
    done = client.run(*OURS, file, "--environment=conda", "run")
    assert "building the environment of this step: Python" in done.stdout + done.stderr
    run = Flow("Packages").latest_run
    data = run["end"].task.data
    assert (data.start_has, data.newer_has, data.each_has, data.join_has) == ("1.0", "2.0", None, "1.0")
    assert str(client.home / "cache" / "envs") in data.python
    info = run["newer"].task.environment_info["environment"]
    assert info["type"] == "conda" and info["packages"] == {"hw-needs": "0.5", "hw-tiny": "2.0"}
    assert "environment" not in run["each"].task.environment_info

    again = client.run(*OURS, file, "run")  # locked and built already
    assert "building" not in again.stdout + again.stderr
    assert Flow("Packages").latest_run["newer"].task.environment_info["environment"] == info
    client.run(*OURS, file, "--environment", "local", "run", fails=True)  # hw_needs is not there


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("packages={'hw_nowhere': '1.0'}", "Because hw-nowhere was not found"),
        ("packages={'hw_tiny': '3.0'}", "there is no version of hw-tiny==3.0"),
        ("python='3.9'", "steps need Python 3.11 or newer"),
    ],
)
def test_what_cannot_be_resolved_is_said_before_anything_runs(client, tmp_path, what, why):
    before = len(list(list_runs(flow="Broken")))
    done = client.run(*OURS, flow(tmp_path, BROKEN.format(what=what)), "run", fails=True)
    assert why in done.stderr and "Traceback" not in done.stderr
    assert len(list(list_runs(flow="Broken"))) == before


def test_a_python_that_the_worker_lacks(client, tmp_path):
    done = client.run(*OURS, flow(tmp_path, BROKEN.format(what="python='3.99'")), "run", fails=True)
    assert "Python 3.99 is not on this worker" in done.stdout + done.stderr


def test_the_lock_of_a_project_of_uv(client, tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        f'[project]\nname = "flows"\nversion = "0"\nrequires-python = ">={sys.version_info[0]}.{sys.version_info[1]}"\n'
        'dependencies = ["hw_tiny==2.0"]\n'
    )
    from uv import find_uv_bin

    client.run(find_uv_bin(), "lock", "--project", tmp_path)
    text = FLOW.replace('@pypi_base(packages={"hw_tiny": "1.0"})\n', "").replace("    @conda", "    #")
    client.run(*OURS, flow(tmp_path, text), "--environment=uv", "run")
    data = Flow("Packages").latest_run["end"].task.data
    assert (data.start_has, data.newer_has, data.join_has) == ("2.0", "2.0", "2.0")
