"""`python flow.py …` as a user runs it: a process, against a gateway that plays its part."""

import io
import os
import re
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.unit.flow.gateway import DROP, RUN_ID, Gateway, fact, log, run

SDK = Path(__file__).parents[3] / "clients" / "python" / "src"
HELLO = '''"""A flow of a test."""
from headwater import FlowSpec, Parameter, step, trigger


@trigger(event="data.arrived", parameters={"alpha": "a"})
class Hello(FlowSpec):
    """Says hello."""

    alpha = Parameter("alpha", default=0.5, help="how much")

    @step
    def start(self):
        """Begins."""
        self.items = [1]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Hello()
'''


@pytest.fixture
def gateway():
    gateway = Gateway()
    yield gateway
    gateway.stop()


@pytest.fixture
def flow(tmp_path, gateway):
    (tmp_path / "hello.py").write_text(HELLO)
    return Flow(tmp_path / "hello.py", gateway)


class Flow:
    """A flow file and how to run it."""

    def __init__(self, path, gateway):
        self.path = path
        kept = {
            k: v for k, v in os.environ.items() if not k.startswith(("HEADWATER_", "METAFLOW_", "OTEL_", "TRACEPARENT"))
        }
        self.environ = {
            **kept,
            "PYTHONPATH": str(SDK),
            "HEADWATER_HOME": str(path.parent / "home"),
            "HEADWATER_URL": gateway.url,
            "HEADWATER_TOKEN": "hw_pat_x_y",
            "TZ": "UTC",
        }

    def start(self, *arguments, **environ):
        command = [sys.executable, str(self.path), *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**self.environ, **environ})

    def __call__(self, *arguments, **environ):
        process = self.start(*arguments, **environ)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


def test_no_command_checks_and_prints_usage(flow):
    status, out, err = flow()
    assert status == 0
    assert "The graph looks good!" in err
    assert "'python hello.py run' runs it." in out


def test_show(flow):
    status, out, _ = flow("show")
    assert status == 0
    for text in ("Says hello.", "--alpha float (default 0.5): how much", "event data.arrived", "Begins."):
        assert text in out
    assert "=> work for each of self.items" in out
    assert "joins start; => end" in out


def test_help_and_version(flow):
    assert "resume" in flow("help")[1]
    assert "--alpha FLOAT" in flow("run", "--help")[1]
    assert flow("version")[1].startswith("Headwater ")


def test_run_sends_graph_code_and_parameters_and_prints_the_run(flow, gateway):
    gateway.missing = True
    gateway.script = [
        [
            ("snapshot", "", run()),
            fact(1, "run.started"),
            fact(2, "task.started", step="start", taskId="0", attempt=1),
            log("start", "hello there"),
            fact(3, "task.succeeded", step="start", taskId="0", attempt=1),
            ("end", "", run("SUCCEEDED")),
        ]
    ]
    status, out, err = flow("run", "--alpha", "2", "--tag", "a", "--tag", "b", "--max-workers", "3")
    assert status == 0, err
    first, second = gateway.bodies("/projects/default/runs")
    assert first == second
    assert first["parameters"] == {"alpha": 2.0}
    assert first["tags"] == ["a", "b"]
    assert first["maxWorkers"] == 3
    assert first["graph"]["flow"] == "Hello"
    assert first["code"]["entrypoint"] == "hello.py"
    assert first["code"]["flowClass"] == "Hello"
    with tarfile.open(fileobj=io.BytesIO(gateway.blobs[first["code"]["package"]])) as archive:
        assert archive.extractfile("hello.py").read().decode() == HELLO
    assert re.search(rf"Workflow starting \(run-id {RUN_ID}", out)
    assert "2026-11-23 20:10:11.123 [0000cafe/start/0] Task is starting.\n" in out
    assert "2026-11-23 20:10:11.123 [0000cafe/start/0] hello there\n" in out
    assert out.rstrip().endswith("Done!")
    assert "\x1b" not in out + err
    traceparents = {headers.get("traceparent") for headers in gateway.headers}
    assert len(traceparents) == 1
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", traceparents.pop())


def test_quiet_prints_the_output_of_tasks_only(flow, gateway):
    gateway.script = [[log("start", "hello there"), ("end", "", run("SUCCEEDED"))]]
    status, out, err = flow("--quiet", "run")
    assert (status, err) == (0, "")
    assert out == "2026-11-23 20:10:11.123 [0000cafe/start/0] hello there\n"


def test_colours_when_forced(flow):
    _, out, _ = flow("run", FORCE_COLOR="1")
    assert "\x1b[32mDone!\x1b[0m" in out


def test_an_option_of_the_flow_after_the_command_is_told_its_place(flow):
    status, _, err = flow("run", "--production")
    assert status == 2
    assert "--production stands before the command: hello.py --production … run" in err


def test_run_id_file_and_detach(flow, gateway, tmp_path):
    status, out, _ = flow("run", "--detach", "--run-id-file", str(tmp_path / "id"))
    assert (status, out.strip()) == (0, RUN_ID)
    assert (tmp_path / "id").read_text() == RUN_ID
    assert gateway.last_ids == []


def test_failure_names_step_task_and_reason(flow, gateway):
    failure = {
        "code": "USER_ERROR",
        "exceptionType": "builtins.ValueError",
        "message": "boom",
        "traceback": "Traceback (most recent call last):\n  in work\nValueError: boom\n",
        "hint": "do better",
    }
    gateway.script = [
        [
            fact(1, "task.failed", step="work", taskId="3", attempt=1, failure=failure, willRetry=True),
            fact(2, "task.started", step="work", taskId="3", attempt=2),
            fact(3, "task.failed", step="work", taskId="3", attempt=2, failure=failure),
            ("end", "", run("FAILED", failure=failure)),
        ]
    ]
    status, out, err = flow("run")
    assert status == 1
    assert "[0000cafe/work/3] Task failed: ValueError: boom (another attempt follows)" in out
    assert "[0000cafe/work/3] Task is starting (retry)." in out
    assert f"Run {RUN_ID} failed in step work, task 3: ValueError: boom" in err
    assert "Traceback" in err
    assert "Hint: do better" in err
    assert "Done!" not in out


def test_lost_connection_is_found_again(flow, gateway):
    gateway.script = [
        [fact(1, "task.started", step="start", taskId="0", attempt=1), DROP],
        [
            fact(1, "task.started", step="start", taskId="0", attempt=1),
            fact(2, "task.succeeded", step="start", taskId="0"),
            ("end", "", run("SUCCEEDED")),
        ],
    ]
    status, out, _ = flow("run")
    assert status == 0
    assert out.count("Task is starting.") == 1
    assert "Task finished successfully." in out
    assert gateway.last_ids == ["", "e1"]


def test_a_start_is_told_before_what_the_task_says_and_no_line_comes_twice(flow, gateway):
    said = log("start", "hello there")
    gateway.script = [
        [said, DROP],
        [
            ("snapshot", "", run("RUNNING")),
            said,
            said,
            fact(1, "task.started", step="start", taskId="0", attempt=1),
            fact(2, "task.succeeded", step="start", taskId="0", attempt=1, foreachWidth=3),
            ("end", "", run("SUCCEEDED")),
        ],
    ]
    status, out, _ = flow("run")
    assert status == 0
    told = [line.partition("] ")[2] for line in out.splitlines() if "[0000cafe/start/0]" in line]
    assert told == [
        "Task is starting.",
        "hello there",
        "hello there",
        "Foreach yields 3 tasks.",
        "Task finished successfully.",
    ]


@pytest.mark.parametrize(("number", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupt_cancels_the_run(flow, gateway, number, expected):
    gateway.script = [
        [("await cancel", "", {}), DROP],
        [("end", "", run("CANCELLED"))],
    ]
    process = flow.start("run")
    assert gateway.streaming.wait(20)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == expected
    assert gateway.bodies("/cancel") == [{"reason": "interrupted by the user"}]
    assert "The run is cancelled." in err
    assert "Traceback" not in err


def test_too_many_splits(flow, gateway):
    gateway.script = [
        [fact(1, "task.succeeded", step="start", taskId="0", foreachWidth=101), ("end", "", run("CANCELLED"))]
    ] * 2
    status, _, err = flow("run")
    assert status == 1
    assert "Foreach in step start yielded 101 child steps which is more than the current maximum of 100 children" in err
    assert len(gateway.bodies("/cancel")) == 1
    gateway.script = [
        [fact(1, "task.succeeded", step="start", taskId="0", foreachWidth=101), ("end", "", run("SUCCEEDED"))]
    ]
    assert flow("run", "--max-num-splits", "101")[0] == 0


def test_wrong_parameter_starts_nothing(flow, gateway):
    status, _, err = flow("run", "--alpha", "fast")
    assert status == 2
    assert "parameter 'alpha': --alpha 'fast' is not a float, for example 0.5" in err
    assert gateway.requests == []
    status, _, err = flow("run", METAFLOW_RUN_ALPHA="x")
    assert "METAFLOW_RUN_ALPHA 'x'" in err


def test_broken_flow_starts_nothing_and_lists_every_error(flow, gateway):
    flow.path.write_text(
        HELLO.replace("self.next(self.end)", "self.next(self.ned)").replace("self.items = [1]", "self.index = 1")
    )
    for command in ("run", "check", "show", "resume", "deploy"):
        status, _, err = flow(command)
        assert status == 1
        assert "did you mean 'end'?" in err
        assert "self.index, which is reserved" in err
        assert "nothing was started" in err
        assert "Traceback" not in err
    assert gateway.requests == []


def test_bad_decorator_is_one_line(flow):
    flow.path.write_text(HELLO.replace('Parameter("alpha", default=0.5', 'Parameter("alpha", type=int, default="x"'))
    status, _, err = flow("run")
    assert status == 1
    assert err == f"{flow.path}:9: parameter 'alpha': its default 'x' is not an int, for example 3\n"


def test_unknown_command_and_option(flow):
    status, _, err = flow("rnu")
    assert status == 2
    assert "unknown command 'rnu'; did you mean 'run'?" in err
    status, _, err = flow("run", "--alhpa", "3")
    assert status == 2
    assert "unrecognized arguments: --alhpa 3; did you mean '--alpha'?" in err


def test_options_of_metaflow_scripts(flow, gateway):
    status, _, err = flow("--no-pylint", "--datastore=s3", "--metadata", "service", "--environment", "local", "run")
    assert status == 0, err
    assert err.count("has no effect") == 2
    assert "--datastore s3 has no effect: the Headwater server keeps the artifacts." in err


def test_pylint_is_asked_before_anything_is_sent(flow, gateway, tmp_path):
    (tmp_path / "pylint").mkdir()
    (tmp_path / "pylint" / "__init__.py").touch()
    said = "def Run(words, *rest):\n    print(words[0].rpartition('/')[2] + ':9:1: E0602: Undefined variable')\n"
    (tmp_path / "pylint" / "lint.py").write_text(said)
    flow.environ["PYTHONPATH"] += f":{tmp_path}"
    for command in ("run", "resume", "check", "deploy"):
        status, _, err = flow(command)
        assert (status, "Undefined variable" in err, "Traceback" in err) == (1, True, False), err
        assert f"{flow.path.name}: Pylint is not happy: Fix Pylint warnings listed above or say --no-pylint." in err
    assert gateway.requests == []
    flow.environ["METAFLOW_PYLINT"] = "0"
    assert flow("run")[0] == 0
    del flow.environ["METAFLOW_PYLINT"]
    status, _, err = flow("--no-pylint", "check")
    assert (status, "ylint" in err) == (0, False)


def test_options_from_the_environment(flow, gateway):
    flow.environ["METAFLOW_RUN_MAX_WORKERS"] = "3"
    flow.environ["METAFLOW_RUN_TAG"] = "a b"
    flow.environ["METAFLOW_DEFAULT_DECOSPECS"] = "retry:times=1 timeout:seconds=9"
    flow.environ["METAFLOW_RUN_ALPHA"] = "0.75"
    flow.environ["METAFLOW_QUIET"] = "1"
    status, _, err = flow("run", "--tag", "c")
    assert (status, "executing" in err) == (0, False), err
    (body,) = gateway.bodies("/runs")
    assert (body["maxWorkers"], body["tags"], body["parameters"]["alpha"]) == (3, ["a", "b", "c"], 0.75)
    assert all(each["retry"]["times"] == 1 and each["timeout"] == "9s" for each in body["graph"]["steps"])
    assert flow("run", "--max-workers", "5")[0] == 0
    assert gateway.bodies("/runs")[1]["maxWorkers"] == 5
    flow.environ["METAFLOW_RUN_MAX_WORKERS"] = "many"
    status, _, err = flow("run")
    assert (status, "METAFLOW_RUN_MAX_WORKERS: 'many' is not a whole number" in err) == (2, True), err


def test_with(flow, gateway):
    assert flow("--with", "retry:times=1", "run", "--with", "timeout:seconds=9")[0] == 0
    steps = gateway.bodies("/runs")[0]["graph"]["steps"]
    assert all(each["retry"]["times"] == 1 and each["timeout"] == "9s" for each in steps)


def test_server_refuses(flow, gateway):
    gateway.refuse = (401, {"error": {"code": "UNAUTHENTICATED", "message": "token is not known"}})
    status, _, err = flow("run")
    assert status == 1
    assert "token is not known" in err
    assert "Fix: " in err
    assert "Traceback" not in err


def test_server_not_reachable(flow, gateway):
    status, _, err = flow("run", HEADWATER_URL="http://127.0.0.1:1")
    assert status == 1
    assert "no Headwater server answers at http://127.0.0.1:1" in err
    assert "Traceback" not in err


def test_resume_takes_the_last_run_and_its_parameters(flow, gateway):
    gateway.runs = [run("FAILED", parameters={"alpha": 7})]
    status, out, err = flow("resume", "work")
    assert status == 0, err
    body = gateway.bodies("/projects/default/runs")[0]
    assert body["originRunId"] == RUN_ID
    assert body["resumeStep"] == "work"
    assert body["parameters"] == {"alpha": 7}
    assert f"Resuming run {RUN_ID}" in out


@pytest.mark.parametrize(
    ("runs", "arguments", "text"),
    [
        ([], [], "flow Hello has no run to resume in project default"),
        ([run()], [], "is still running"),
        ([run("FAILED")], ["wrok"], "flow Hello has no step 'wrok'; did you mean 'work'?"),
        ([{**run("FAILED"), "flow": "Other"}], ["--origin-run-id", "x"], "is one of flow Other, not of Hello"),
    ],
)
def test_resume_that_cannot_be(flow, gateway, runs, arguments, text):
    gateway.runs = runs
    status, _, err = flow("resume", *arguments)
    assert status == 1
    assert text in err
    assert gateway.bodies("/projects/default/runs") == []


def task(step="work", task_id="0", state="SUCCEEDED", **more):
    key = {"runId": RUN_ID, "step": step, "index": int(task_id)}
    return {"key": key, "taskId": task_id, "state": f"TASK_STATE_{state}", "attempt": 1, **more}


def test_logs(flow, gateway):
    gateway.runs, gateway.tasks = [run("SUCCEEDED")], [task()]
    gateway.chunks = [log("work", "one", "two")[2], log("work", "oops", stream="LOG_STREAM_STDERR")[2]]
    status, out, err = flow("logs", "show", "latest/work/0")
    assert (status, out, err) == (0, "one\ntwo\n", "oops\n")
    _, out, _ = flow("logs", "show", "latest/work", "--timestamps", "--stdout")
    assert "2026-11-23 20:10:11.123 [0] one\n" in out
    gateway.tasks = [task(), task(task_id="1")]
    _, out, _ = flow("logs", "latest/work", "--timestamps", "--stdout")
    assert "2026-11-23 20:10:11.123 [0] one\n" in out
    assert sum(path.endswith("/logs") for path, _ in gateway.queries) == 3
    status, _, err = flow("logs", "show", "latest")
    assert status == 1
    assert "does not name a step or a task" in err


def test_deploy(flow, gateway):
    status, out, err = flow("deploy", "--alpha", "3")
    assert status == 0, err
    body = gateway.bodies("/deployments")[0]
    assert body["parameters"] == {"alpha": 3.0}
    assert body["triggers"] == [{"event": {"name": "data.arrived", "parameters": {"alpha": "a"}}}]
    assert "Deployed Hello version 2 to project default." in out
    assert "event data.arrived" in out


def test_reader_that_goes_away_does_not_stop_the_run(flow, gateway):
    gateway.script = [[log("start", *["x" * 1000] * 200), ("await cancel", "", {}), ("end", "", run("SUCCEEDED"))]]
    process = flow.start("run")
    process.stdout.close()
    assert gateway.streaming.wait(20)
    gateway.cancelled.set()
    assert process.wait(20) == 0
    process.stderr.close()


def test_root_span_is_exported_and_continues_a_trace(flow, gateway):
    parent = f"00-{'ab' * 16}-{'cd' * 8}-01"
    status, _, err = flow("run", OTEL_EXPORTER_OTLP_ENDPOINT=gateway.url, TRACEPARENT=parent)
    assert status == 0, err
    export = ExportTraceServiceRequest.FromString(gateway.spans[0])
    [span] = export.resource_spans[0].scope_spans[0].spans
    assert span.name == "run Hello"
    assert span.trace_id.hex() == "ab" * 16
    assert span.parent_span_id.hex() == "cd" * 8
    assert gateway.headers[0]["traceparent"] == f"00-{'ab' * 16}-{span.span_id.hex()}-01"


def test_flow_made_without_a_main_guard_or_imported(flow, gateway):
    flow.path.write_text(HELLO.replace('if __name__ == "__main__":\n    Hello()', "Hello()"))
    assert flow("run")[0] == 0
    (flow.path.parent / "other.py").write_text("from hello import Hello\nHello()\n")
    flow.path = flow.path.parent / "other.py"
    assert flow("run")[0] == 0
    first, second = (body["code"] for body in gateway.bodies("/projects/default/runs"))
    assert (first["entrypoint"], second["entrypoint"]) == ("hello.py", "other.py")
    assert second["flowClass"] == "Hello"


def test_imports_of_a_run_stay_light(flow):
    script = "import runpy, sys\ntry: runpy.run_path(sys.argv.pop(1), run_name='__main__')\nexcept SystemExit: pass\n"
    script += "print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script, str(flow.path), "run"],
        capture_output=True,
        text=True,
        env=flow.environ,
        timeout=60,
    )
    modules = set(done.stdout.splitlines()[-1].split())
    assert "headwater.flow.follow" in modules
    heavy = {"google.protobuf", "grpc", "rich", "click", "opentelemetry", "asyncio", "numpy", "cloudpickle", "tarfile"}
    assert not heavy & modules


def test_importing_headwater_imports_nothing(flow):
    script = "import sys, headwater; print(len([m for m in sys.modules if m.startswith('headwater')]))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=flow.environ, timeout=60)
    assert done.stdout.strip() == "1"
