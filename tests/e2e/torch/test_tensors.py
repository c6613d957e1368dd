"""What torch makes, between the steps of a flow on the whole platform. Needs a Python with torch: Debian's
python3-torch for /usr/bin/python3 is one, HEADWATER_TEST_TORCH names another."""

import os
import subprocess
from pathlib import Path

import pytest

from headwater import Run
from tests.e2e.venvs import interpreter

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def torch_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    system = os.environ.get("HEADWATER_TEST_TORCH", "")
    has_torch = [system or "/usr/bin/python3", "-c", "import torch"]
    if not system and subprocess.run(has_torch, capture_output=True, check=False).returncode != 0:
        pytest.skip("no torch here")
    return interpreter(tmp_path_factory, "torch", HERE / "peer.lock", has_torch[0])


@pytest.fixture
def run(connected, torch_venv):
    """Runs a flow to its end."""

    def of(file: str, flow: str) -> Run:
        ident = connected.home / "run-id"
        connected.run(torch_venv, HERE / "flows" / file, "run", "--run-id-file", ident)
        return Run(f"{flow}/{ident.read_text()}")

    return of


def test_what_torch_makes_comes_back_equal_and_mapped(connected, run):
    made = run("tensors_flow.py", "TensorsFlow")
    maps = made["change"].task["maps"].data
    assert all(maps) and len(set(maps)) == 5  # two state dicts, the module, and one file each for views and lists

    rows = {row["name"]: row for row in connected.json("artifacts", "ls", f"{made.id}/start")}
    stored = {name: row["encoding"] for name, row in rows.items()}
    states = {"state", "plain", "small"}
    assert {name for name, encoding in stored.items() if encoding == "safetensors"} == states
    assert {stored[name] for name in ("module", "views", "lists")} == {"pickle5+oob"}
    sizes = {name: int(row["size"]) for name, row in rows.items()}
    assert sizes["views"] < 1.1 * 300 * 400 * 4  # three views, one memory
    assert sizes["lists"] < 1.1 * (100_000 * 2 + 100_000 * 8)

    later = {row["name"]: int(row["size"]) for row in connected.json("artifacts", "ls", f"{made.id}/change")}
    assert later["part"] < 3000 < later["state"]  # one tensor of a state dict, without the others


def test_flows_without_torch_never_load_it(run):
    assert run("numbers_flow.py", "NumbersFlow").data.loaded is False


def test_only_plain_tensors_become_a_file_that_the_package_reads(connected, torch_venv, tmp_path):
    connected.run(torch_venv, HERE / "read.py", tmp_path)
