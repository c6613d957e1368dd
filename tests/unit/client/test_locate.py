"""Which server is meant: the environment, the stack of this machine, or a clear error."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.client.locate import locate
from headwater.errors import NotReachable


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("URL", "TOKEN", "PROJECT"):
        monkeypatch.delenv(f"HEADWATER_{name}", raising=False)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    return tmp_path


def stack(home: Path, pid: int) -> None:
    (home / "stack.json").write_text(json.dumps({"pid": pid, "url": "http://127.0.0.1:7/"}))
    (home / "token").write_text("of-the-file\n")


def test_the_environment_comes_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack(home, os.getpid())
    monkeypatch.setenv("HEADWATER_URL", "https://there/")
    monkeypatch.setenv("HEADWATER_TOKEN", "mine")
    found = locate()
    assert (found.url, found.token, found.local) == ("https://there", "mine", False)


def test_the_token_of_this_machine_goes_to_no_other_server(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack(home, os.getpid())
    monkeypatch.setenv("HEADWATER_URL", "http://elsewhere:7")
    assert locate().token == ""
    monkeypatch.setenv("HEADWATER_URL", "http://127.0.0.1:7")
    assert locate().token == "of-the-file"


def test_the_stack_of_this_machine(home: Path) -> None:
    stack(home, os.getpid())
    found = locate()
    assert (found.url, found.token, found.project, found.local) == (
        "http://127.0.0.1:7",
        "of-the-file",
        "default",
        True,
    )


def test_a_stack_whose_supervisor_is_gone_does_not_count(home: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    stack(home, gone.pid)
    with pytest.raises(NotReachable, match="headwater up") as caught:
        locate()
    assert str(home) in caught.value.message


def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADWATER_URL", "localhost:8080")
    with pytest.raises(NotReachable, match="'localhost:8080', which is no http"):
        locate()


def test_the_token_is_not_shown(home: Path) -> None:
    stack(home, os.getpid())
    assert "of-the-file" not in repr(locate())
