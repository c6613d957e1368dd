"""Tasks in real children of real zygotes: what a step sees, what it leaves behind, and how it can go wrong."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from headwater.runtime import codec, manifest
from tests.unit.runtime.driver import Driver, Outcome, Package, assignment, result

FLOW = Path(__file__).with_name("flow_of_children.py")


@pytest.fixture
def package(driver: Driver) -> Package:
    return driver.package(FLOW, "Children")


def values(driver: Driver, outcome: Outcome) -> dict[str, Any]:
    """The artifacts of plain types, read as the next step would read them."""

    def blob(digest: str) -> Path:
        return driver.cache / digest[:2] / digest

    body = manifest.parse(outcome.manifest, blob)
    plain = {name: entry for name, entry in body.artifacts.items() if not entry["type"].startswith("flow_of")}
    return {name: codec.decode(entry["encoding"], manifest.read(entry, blob)) for name, entry in plain.items()}


def test_a_step_sees_its_task_and_the_import_saw_none(driver: Driver, package: Package) -> None:
    first = package.run(assignment("start", traceparent="00-1-1-01", token="t", spec={"next": ["middle"]}))
    got = values(driver, first)
    assert got["seen_at_import"] == {"environ": [], "running": False, "name": "flow_of_children"}
    assert (got["run_id"], got["pathspec"], got["traceparent"]) == ("r", "F/r/start/0", "00-1-1-01")
    assert got["group_is_own"] and "flow_of_children.py" in got["files"] and got["temp"].endswith(".tmp")
    assert first.result is not None and first.result["next"] == ["middle"] and first.status == 0
    again = values(driver, package.run(assignment("start", spec={"next": ["middle"]})))
    assert again["drawn"] != got["drawn"]
    second = package.run(assignment("middle", first.manifest))
    assert values(driver, second)["x"] == 3
    body = json.loads(second.manifest)
    assert body["new"] == ["x"] and body["artifacts"]["point"] == json.loads(first.manifest)["artifacts"]["point"]


def test_foreach_and_join(driver: Driver, package: Package) -> None:
    split = package.run(assignment("fans_out", transition="FOREACH"))
    assert split.result is not None and split.result["foreachWidth"] == 3 and split.result["next"] == ["work"]
    results = []
    for index in range(3):
        key = {"runId": "r", "step": "work", "index": index}
        frame = {"step": "fans_out", "var": "items", "index": index, "width": 3}
        work = package.run(assignment("work", split.manifest, key=key, frames=[frame]))
        assert values(driver, work)["got"] == (str(index), index)
        results.append(result(key, work.manifest))
    join = package.run(assignment("join", joinWidth=3, spec={"joins": "fans_out"}), results)
    got = values(driver, join)
    assert got["got"] == [("0", 0), ("1", 1), ("2", 2)] and got["items"] == ["0", "1", "2"]


def test_a_child_that_left_files_is_not_clean(package: Package) -> None:
    outcome = package.run(assignment("writes_files"))
    assert outcome.result is not None and os.waitstatus_to_exitcode(outcome.status or 0) == 3


def test_threads_and_exit_functions_run_before_the_result(package: Package) -> None:
    outcome = package.run(assignment("late"))
    assert outcome.stdout.splitlines() == ["from a thread", "at exit"]
    assert [point["key"] for point in outcome.metrics] == ["a"]


def test_catch_keeps_what_was_assigned_and_the_failure(driver: Driver, package: Package) -> None:
    spec = {"catch": {"var": "problem"}, "next": ["end"], "retry": {"times": 1}}
    first = package.run(assignment("caught", spec=spec))
    assert first.failure["exceptionType"] == "KeyError"
    last = package.run(assignment("caught", spec=spec, retryCount=1))
    got = values(driver, last)
    assert got["before"] == 1 and got["problem"].type == "KeyError" and isinstance(got["problem"].exception, KeyError)
    assert last.result is not None and last.result["caught"]["code"] == "USER_ERROR" and last.result["next"] == ["end"]
    given = {"code": "KILLED", "message": "killed by SIGSEGV"}
    carried = values(driver, package.run(assignment("caught", spec=spec, caught=given)))
    assert carried["problem"].code == "KILLED" and "before" not in carried


@pytest.mark.parametrize(
    ("step", "spec", "code", "text"),
    [
        ("times_out", {"timeout": "0.1s"}, "TIMEOUT", "longer than its @timeout of 0.1 s"),
        ("leaves", {}, "EXITED", "called sys.exit('enough')"),
        ("forgets", {}, "USER_ERROR", "ended without self.next"),
        ("absent", {}, "USER_ERROR", "has no step absent"),
        ("command_fails", {}, "EXITED", "exit status 1"),
        ("command_leaves_nothing", {}, "USER_ERROR", "left no file 'm.bin' for artifact 'model'"),
    ],
)
def test_failures(package: Package, step: str, spec: dict[str, Any], code: str, text: str) -> None:
    outcome = package.run(assignment(step, spec=spec))
    assert outcome.failure["code"] == code and text in outcome.failure["message"]
    assert outcome.failure["traceback"] in outcome.stderr  # the log of the task says it too


def test_what_pickle_refuses_and_cloudpickle_takes(package: Package) -> None:
    outcome = package.run(assignment("lambdas"))
    assert json.loads(outcome.manifest)["artifacts"]["double"]["type"] == "function"


def test_a_command_is_filled_in_and_the_shell_keeps_its_own(package: Package) -> None:
    outcome = package.run(assignment("command_fills", parameters={"who": "a b"}))
    assert outcome.stdout == "a b home {other}\n"


def test_an_import_that_fails_says_where(driver: Driver, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def f():\n    raise RuntimeError('at import')\nf()\n")
    package = driver.package(broken, "Broken")
    assert package.child() is None and package.failure is not None
    assert package.failure["code"] == "USER_ERROR" and "line 2, in f" in package.failure["traceback"]
    empty = tmp_path / "empty.py"
    empty.write_text("")
    assert driver.package(empty, "Absent").child() is None
    assert driver.package(empty, "Absent").failure["code"] == "CODE_PACKAGE"  # type: ignore[index]
