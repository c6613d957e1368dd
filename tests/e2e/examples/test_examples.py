"""Every flow in examples/ does what it says."""

import sys
import time

from headwater.client import Run
from headwater.client.http import API, connect
from tests.e2e.conftest import EXAMPLES, Platform


def test_hello(connected: Platform) -> None:
    run = Run(connected.example("hello/flow.py", "--whom", "Ada"))
    assert run.successful and run.parameters == {"whom": "Ada"}
    assert run.data and run.data.loud == "HELLO, ADA!"
    assert run["end"].task.stdout == "HELLO, ADA!\n"


def test_branch(connected: Platform) -> None:
    run = Run(connected.example("branch/flow.py", "--count", "5"))
    assert run.data and (run.data.total, run.data.product) == (15, 120)


def test_foreach(connected: Platform) -> None:
    run = Run(connected.example("foreach/flow.py"))
    assert run.data and run.data.letters == {"one": 6, "two": 4}
    (problem,) = run.data.problems
    assert "chapter 2 of two is empty" in problem
    assert [task.id for task in run["chapter"]] == ["0.0", "0.1", "1.0", "1.1", "1.2"]
    assert run["chapter"]["1.1"].retry_count == 1 and run["chapter"]["1.0"].retry_count == 0


def test_command(connected: Platform) -> None:
    run = Run(connected.example("command/flow.py", "--words", "2"))
    assert run.data and run.data.lines == ["the 3", "and 2"]
    top = run["count"].task.data.top
    assert top.name == "top.txt" and top.read_text() == "the 3\nand 2\n"


def test_triggers(connected: Platform) -> None:
    for file in ("ingest.py", "report.py"):
        connected.headwater("deploy", EXAMPLES / "trigger" / file)
    try:
        connected.headwater("events", "publish", "data.arrived", '{"uri": "file:///new.csv", "rows": 3}')
        run = Run(started("ReportFlow")).wait(60)
        assert run.successful and run.data and run.data.report == "3 rows from file:///new.csv"
        assert run.trigger and run.trigger.event.name == "run.succeeded"
        (ingest,) = connected.json("runs", "--flow", "IngestFlow", "-n", "1")
        assert ingest["trigger"]["eventName"] == "data.arrived"
    finally:
        connected.headwater("undeploy", "IngestFlow")
        connected.headwater("undeploy", "ReportFlow")


def started(flow: str) -> str:
    """The next run of a flow, by the events."""
    conn = connect()
    query = {"type": "run.started", "last": 20}
    for _, _, event in conn.stream(f"{API}/projects/default/events", query, until=time.monotonic() + 60):
        if event["data"]["flow"] == flow:
            return event["data"]["runId"]
    raise AssertionError("the stream ended")


def test_every_flow_passes_its_check(platform: Platform) -> None:
    for file in ("digits/flow.py", "digits/score.py", "trigger/ingest.py", "trigger/report.py"):
        platform.run(sys.executable, EXAMPLES / file, "check")
