"""Arguments of Runner as words of a command line; cells of a notebook as flow files; a command that takes too long."""

import ast
import sys
from pathlib import Path

import pytest

from headwater.errors import FlowError
from headwater.runner.notebook import NBDeployer, NBRunner, flow_source
from headwater.runner.process import Process
from headwater.runner.words import command, words


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"alpha": -1.5, "name": "a b", "nothing": None}, ["--alpha=-1.5", "--name=a b"]),
        (
            {"options": {"a": [1]}, "flag": True, "other": False},
            ['--options={"a": [1]}', "--flag=true", "--other=false"],
        ),
        ({"tags": ["a", "b"], "max_workers": 4}, ["--tag=a", "--tag=b", "--max-workers=4"]),
        ({"decospecs": ["retry:times=1"]}, ["--with=retry:times=1"]),
        ({"pylint": False, "quiet": True, "environment": "pypi"}, ["--no-pylint", "--quiet", "--environment=pypi"]),
        ({"config": ("c", "file.json")}, ["--config", "c", "file.json"]),
        ({"config_value": {"c": {"x": 1}}}, ["--config-value", "c", '{"x": 1}']),
        ({"config": [("c", "f"), ("d", "g")]}, ["--config", "c", "f", "--config", "d", "g"]),
        ({"persist": False, "skip_decorators": True}, ["--no-persist", "--skip-decorators"]),
        ({"item_count": 3}, ["--item_count=3"]),
    ],
)
def test_words(options, expected):
    assert words(options) == expected


def test_a_file_for_metaflow_is_run_as_one(tmp_path):
    theirs, ours = tmp_path / "theirs.py", tmp_path / "ours.py"
    theirs.write_text("import os\nfrom metaflow import FlowSpec\n")
    ours.write_text("from headwater import FlowSpec  # not from metaflow import x\n")
    assert command(str(theirs)) == [sys.executable, "-u", "-m", "headwater.compat.metaflow", str(theirs)]
    assert command(str(ours)) == [sys.executable, "-u", str(ours)]


CELL = """%matplotlib inline
from metaflow import FlowSpec, step, project, NBRunner
LIMIT = 3
!pip list

@project(name="x")
class Hello(FlowSpec):
    @step
    def start(self):
        self.x = LIMIT
        self.next(self.end)

    @step
    def end(self):
        pass

run = NBRunner(Hello).nbrun()
value = run.data.x
print(run)
if __name__ == "__main__":
    Hello()
"""


def test_the_definitions_of_a_cell_are_a_flow_file():
    source = flow_source(CELL, "Hello")
    tree = ast.parse(source)
    assert [type(node).__name__ for node in tree.body] == ["ImportFrom", "Assign", "ClassDef", "If"]
    assert '@project(name="x")' in source and "nbrun" not in source and source.count("Hello()") == 1
    with pytest.raises(FlowError, match="the cell of Hello cannot be read"):
        flow_source("class Hello(:", "Hello")


def test_notebook_variants_need_a_notebook(tmp_path):
    for kind in (NBRunner, NBDeployer):
        with pytest.raises(FlowError, match=f"{kind.__name__} needs a notebook.*in a script use {kind.__name__[2:]}"):
            kind(Path, base_dir=str(tmp_path))


class _Shell:
    """As much of IPython as a cell is found by."""

    def __init__(self, *cells):
        self.history_manager = self
        self.input_hist_raw = ["", *cells]

    def get_ipython(self):
        return self


def test_the_cell_that_defines_a_flow_is_found(tmp_path, monkeypatch):
    class Hello:
        pass

    monkeypatch.setitem(sys.modules, "IPython", _Shell(CELL, "NBRunner(Hello)"))
    runner = NBRunner(Hello, base_dir=str(tmp_path))
    file = Path(runner.flow_file)
    assert file.parent == tmp_path and "self.x = LIMIT" in file.read_text()
    runner.cleanup()
    assert not file.exists()


async def test_a_command_is_followed_and_ended_when_it_takes_too_long(tmp_path):
    script = "import time\nprint('one', flush=True)\nprint('two', flush=True)\ntime.sleep(60)"
    process = Process([sys.executable, "-c", script], env={}, cwd=str(tmp_path), show=False)
    lines = process.follow("stdout")
    assert [(await anext(lines))[1], (await anext(lines))[1]] == ["one", "two"]
    await lines.aclose()
    await process.async_wait(0.01)
    assert process.timed_out and process.returncode not in (None, 0)
    with pytest.raises(ValueError, match="'stdin' is none of stdout, stderr"):
        process.output("stdin")
    process.cleanup()
    assert not process.folder.exists()
