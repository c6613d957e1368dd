"""The headwater command against a running platform."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Platform

FAILS = """from headwater import FlowSpec, log_metric, log_param, register_model, step
class FailsFlow(FlowSpec):
    @step
    def start(self):
        log_param("kernel", "rbf")
        log_metric("loss", 0.5, step=1)
        register_model("cli-model", {"a": 1}, metrics={"accuracy": 0.5})
        print("about to fail")
        raise ValueError("no such luck")
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    FailsFlow()
"""


@pytest.fixture(scope="module")
def run_id(platform: Platform) -> str:
    return platform.example("foreach/flow.py", "--tag", "e2e")


@pytest.fixture(scope="module")
def failed_id(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("fails")
    (folder / "fails.py").write_text(FAILS)
    ident = folder / "id"
    platform.run(sys.executable, folder / "fails.py", "run", "--run-id-file", ident, fails=True)
    return ident.read_text()


def test_runs(platform: Platform, run_id: str) -> None:
    assert run_id[-8:] in platform.headwater("runs", "--tag", "e2e")
    (found,) = platform.json("runs", "--flow", "ForeachFlow", "--tag", "e2e", "--state", "succeeded", "-n", "1")
    assert found["runId"] == run_id
    for name in (run_id, run_id[-6:], run_id[:20], f"ForeachFlow/{run_id}"):
        assert platform.json("run", "show", name)["run"]["runId"] == run_id


def test_a_failed_run_is_shown_with_its_reason(platform: Platform, failed_id: str) -> None:
    shown = platform.headwater("run", "show", failed_id)
    for text in ("failed", "ValueError: no such luck", "fails.py", "loss", "0.5", "cli-model/1", "not reached"):
        assert text in shown, shown
    assert platform.headwater("logs", f"{failed_id}/start", "--stdout") == "[start/0] about to fail\n"
    assert "no such luck" in platform.headwater("logs", f"{failed_id}/start/0", "--stderr")


def test_artifacts(platform: Platform, run_id: str, tmp_path: Path) -> None:
    assert "letters" in platform.headwater("artifacts", run_id)
    assert platform.headwater("artifacts", "get", f"{run_id}/end", "letters") == "{'one': 6, 'two': 4}\n"
    platform.headwater("artifacts", "get", f"{run_id}/end", "letters", "-o", tmp_path / "l.json")
    assert json.loads((tmp_path / "l.json").read_text()) == {"one": 6, "two": 4}


def test_experiments_and_models(platform: Platform, failed_id: str) -> None:
    assert "FailsFlow" in platform.headwater("experiments")
    (row,) = platform.json("experiments", "show", "FailsFlow", "--sort", "loss", "--ascending")
    assert row["params"] == {"kernel": "rbf"} and row["metrics"][0]["value"] == 0.5
    told = platform.headwater("promote", "cli-model", "1", "--alias", "champion", "--reason", "the only one")
    assert told == "cli-model@champion is version 1.\n"
    assert "the only one" in platform.headwater("models", "show", "cli-model")
    assert failed_id in platform.headwater("models", "show", "cli-model@champion")
    for wrong in (("cli-model", "7"), ("nothing", "1")):
        done = platform.run(sys.executable, "-m", "headwater.cli.main", "promote", *wrong, fails=True)
        assert done.returncode == 4 and done.stderr.startswith("Error: ") and "Traceback" not in done.stderr


def test_events_are_followed(platform: Platform, run_id: str) -> None:
    only = ("--run", run_id, "--type", "run.succeeded", "--last", "100", "-n", "1", "--json")
    assert json.loads(platform.headwater("events", "tail", *only))["data"]["runId"] == run_id
    tail = platform.popen("events", "tail", "--type", "run.succeeded", "--last", "1", "-n", "2", "--json")
    assert tail.stdout is not None and json.loads(tail.stdout.readline())["type"].startswith("run.succeeded")
    started = platform.example("hello/flow.py")
    out, _ = tail.communicate(timeout=60)
    assert json.loads(out)["data"]["runId"] == started


def test_foreign_events(platform: Platform) -> None:
    tail = platform.popen("events", "tail", "--foreign", "--last", "1", "--json")
    assert tail.stdout is not None
    tail.stdout.readline()
    platform.headwater("events", "publish", "something.odd", '{"a": 1}')
    seen = json.loads(tail.stdout.readline())
    tail.kill()
    assert seen["data"] == {"a": 1} and seen["subject"] == "hw.ext.default.something.odd"


async def test_a_malformed_event_is_a_dead_letter(platform: Platform, eventually: Callable[..., Any]) -> None:
    platform.headwater("events", "publish", "metric", '{"run_id": 5, "key": "loss"}')
    (letter,) = await eventually(lambda: platform.json("events", "dlq", "list"))
    assert "hw.ext.default.metric" in letter["subject"]
    assert "run_id" in platform.headwater("events", "dlq", "show", str(letter["seq"]))


def test_tokens(platform: Platform) -> None:
    made = platform.json("token", "create", "watcher", "--role", "viewer", "--expires", "1h")
    environ = {**platform.environ, "HEADWATER_TOKEN": made["secret"]}
    limited = Platform(platform.home)
    limited.environ = environ
    assert limited.json("runs", "-n", "1") is not None
    refused = limited.run(sys.executable, "-m", "headwater.cli.main", "token", "list", fails=True)
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
    platform.headwater("token", "revoke", made["token"]["tokenId"])
    assert "watcher" in platform.headwater("token", "list")
    limited.environ["HEADWATER_TOKEN"] = "hw_pat_wrong"
    refused = limited.run(sys.executable, "-m", "headwater.cli.main", "runs", fails=True)
    assert "did not accept the token" in refused.stderr and str(platform.home / "token") in refused.stderr


def test_flows_workers_doctor(platform: Platform, run_id: str) -> None:
    assert "ForeachFlow" in platform.headwater("flows")
    (worker,) = platform.json("workers")
    assert worker["pool"] == "default" and worker["slots"] > 0
    checks = platform.json("doctor")
    assert checks["ok"], checks
    assert {check["name"] for check in checks["checks"]} >= {"server", "token", "services", "workers", "clock"}


def test_service_logs(platform: Platform) -> None:
    assert platform.headwater("logs", "worker", "-n", "5")
    assert platform.headwater("stack", "logs", "all", "-n", "5")
