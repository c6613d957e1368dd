"""`run --cached` and `resume --alpha 2` as users type them: which steps run, and what is said of the others."""

import re
import shutil
from pathlib import Path

import pytest

from tests.e2e.flow.conftest import FLOWS, FlowProcess


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The flow with what it needs, to be edited."""
    folder = tmp_path_factory.mktemp("reuse")
    shutil.copy(FLOWS / "reuse.py", folder / "reuse_flow.py")
    (folder / "helper.py").write_text("def rows(text):\n    return text.split()\n")
    (folder / "table.csv").write_text("a bb")
    return folder


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_what_runs_again(folder, environment, monkeypatch):
    monkeypatch.chdir(folder)

    def ran(*arguments: str, status: int = 0, path: str = "") -> tuple[set[str], str]:
        environ = environment | ({"PYTHONPATH": f"{environment['PYTHONPATH']}:{path}"} if path else {})
        code, out, err = FlowProcess(environ, str(folder / "reuse_flow.py"), arguments).end()
        assert code == status, out + err
        return set(re.findall(r"\] ran (\w+(?: \w+)?)", out)), out + err

    everything = {"start", "load a", "load bb", "join", "fit", "report", "end True"}
    found, out = ran("run")
    first = re.search(r"run-id ([0-9a-f-]{36})", out)
    assert found == everything and first
    found, out = ran("run", "--cached")
    assert found == {"report"}
    assert f"Cached from Reuse/{first[1]}/load/1." in out
    assert ran("run", "--cached", "--alpha", "3")[0] == {"fit", "report"}
    _edit(folder / "reuse_flow.py", 'print("ran end"', 'print("ran end" or 1')
    assert ran("run", "--cached")[0] == {"report", "end True"}
    (folder / "table.csv").write_text("a bb ccc")
    assert ran("run", "--cached")[0] == everything | {"load ccc"}, "an included file is part of the package"

    # A package in development that only the client has.
    (folder / "lib").mkdir()
    (folder / "lib" / "own.py").touch()
    assert len(ran("run", "--cached", path=str(folder / "lib"))[0]) == 8

    found, out = ran("resume", "--alpha", "2")
    assert found == {"fit", "report", "end True"}
    assert "with alpha=2" in out
    (folder / "table.csv").write_text("a bb cc")
    assert ran("resume", "--table", "table.csv")[0] == {"start", "load cc", "join", "fit", "report", "end True"}

    for words, said in (
        (["--gamma", "1"], "unrecognized arguments: --gamma"),
        (["--alpha", "x"], "parameter 'alpha': --alpha 'x' is not an int"),
        (["--table", "none.csv"], "cannot read the file 'none.csv'"),
    ):
        assert said in ran("resume", *words, status=2)[1]
    assert "no run 'ffffffff'" in ran("resume", "--alpha", "2", "--origin-run-id", "ffffffff", status=1)[1]


def test_options_of_a_run(flow, start, state_of, tmp_path):
    hold = tmp_path / "hold"
    hold.touch()
    process = start("linear.py", "run", "--hold", str(hold), "--timeout", "1s", "--priority", "7")
    run = re.search(r"run-id ([0-9a-f-]{36})", process.until("run-id"))
    assert run
    status, out, err = process.end()
    assert status == 1, out + err
    assert "the run took longer than its timeout of 1 s" in err
    assert state_of(run[1])["priority"] == 7
    hold.unlink()

    status, out, err = flow("linear.py", "resume", "--clone-only", "--reentrant", "--resume-identifier", "x-1")
    assert status == 0, err
    assert state_of(out.strip())["waitingFor"].startswith("paused")
    status, out, err = flow("linear.py", "run", "--timeout", "soon")
    assert (status, "'soon' is not a time, such as 90s" in err) == (2, True)
    status, out, err = flow("linear.py", "resume", "--run-id", "mine")
    assert (status, "--run-id mine: the server gives the id" in err) == (1, True)
