"""The command as a whole: fast help, every command's help, exit statuses, errors of one line."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from headwater.cli import main
from tests.unit.cli.conftest import Headwater
from tests.unit.client.api import Api


def test_help_names_every_command(headwater: Headwater) -> None:
    status, out, _ = headwater("--help")
    assert status == 0
    for name, (_, _, text) in main.COMMANDS.items():
        assert f"  {name} " in out and text in out
    assert {name for _, names in main.GROUPS for name in names} == set(main.COMMANDS)


def test_every_command_explains_itself(headwater: Headwater) -> None:
    for name in main.COMMANDS:
        status, out, _ = headwater(name, "--help")
        assert status == 0 and out.startswith(f"Usage: headwater {name}"), name


def test_help_loads_nothing_heavy() -> None:
    code = "import sys, headwater.cli.main as m; m._run(['--help']); print(*sys.modules, sep=chr(10))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"rich", "http.client", "asyncio", "grpc", "nats", "numpy", "subprocess", "headwater.cli.stack"}


def test_help_is_quick() -> None:
    best = 9.0
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "headwater.cli.main", "--help"], stdout=subprocess.DEVNULL, check=True)
        best = min(best, time.perf_counter() - began)
    assert best < 0.3  # 0.15 s alone on this machine


def test_wrong_usage(headwater: Headwater) -> None:
    status, _, err = headwater("modles")
    assert status == 2 and "No such command 'modles'. Did you mean 'models'?" in err
    assert headwater("runs", "--limit", "none")[0] == 2
    assert headwater("events", "publish", "x", "not json")[0] == 2
    assert headwater("token", "create", "ci", "--expires", "soon")[0] == 2


def test_no_server(headwater: Headwater, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HEADWATER_URL", raising=False)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    status, out, err = headwater("runs")
    assert (status, out) == (3, "") and err.startswith("Error: no Headwater server is running") and "Hint: " in err
    monkeypatch.setenv("HEADWATER_URL", "http://127.0.0.1:1")
    status, _, err = headwater("models")
    assert status == 3 and "no Headwater server answers at http://127.0.0.1:1" in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("http", "code", "status"),
    [(404, "NOT_FOUND", 4), (400, "INVALID_ARGUMENT", 2), (403, "PERMISSION_DENIED", 1), (401, "UNAUTHENTICATED", 1)],
)
def test_exit_statuses(api: Api, headwater: Headwater, http: int, code: str, status: int) -> None:
    error = {"error": {"code": code, "message": "it is so", "hint": "do this"}}
    api.routes["GET", "/api/v1/workers"] = lambda query, body: (http, error)
    found, out, err = headwater("workers")
    assert (found, out) == (status, "") and "it is so" in err and "Hint:" in err


def test_a_fault_of_ours_is_one_line_unless_asked_for(
    api: Api, headwater: Headwater, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.routes["GET", "/api/v1/workers"] = {"workers": ["not an object"]}
    status, _, err = headwater("workers")
    assert status == 1 and "HEADWATER_DEBUG=1" in err and "Traceback" not in err
    monkeypatch.setenv("HEADWATER_DEBUG", "1")
    with pytest.raises(AttributeError):
        headwater("workers")


def test_a_reader_that_goes_away_is_no_error(api: Api) -> None:
    api.routes["GET", "/api/v1/workers"] = {"workers": [{"name": f"w{at}" * 50} for at in range(2000)]}
    read, write = os.pipe()
    done = subprocess.Popen(
        [sys.executable, "-m", "headwater.cli.main", "workers"], stdout=write, stderr=subprocess.PIPE
    )
    os.close(write)
    os.close(read)
    _, err = done.communicate(timeout=20)
    assert done.returncode == 0 and err == b""


def test_json_is_one_line_in_a_pipe(api: Api, headwater: Headwater) -> None:
    api.routes["GET", "/api/v1/workers"] = {"workers": [{"name": "w", "slots": 2}]}
    _, out, _ = headwater("workers", "--json")
    assert json.loads(out) == [{"name": "w", "slots": 2}] and out.count("\n") == 1
