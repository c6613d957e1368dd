"""Flow, Run, Step, Task and their artifacts, on JSON as the API gives it."""

import base64
import json
import pickle
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headwater.client import Flow, Run, Step, Task, flows, namespace
from headwater.client.graph import depths
from headwater.client.pathspec import split_target
from headwater.errors import ArtifactError, InvalidArgument, NotFound
from headwater.runtime.manifest import Manifest, Writer, seal
from tests.unit.client.api import Api

RUN = "01931f00-0000-7000-8000-0000000000aa"
GRAPH = [
    {"name": "start", "transition": "TRANSITION_FOREACH", "next": ["work"], "foreach": "items"},
    {"name": "work", "transition": "TRANSITION_LINEAR", "next": ["join"]},
    {"name": "join", "transition": "TRANSITION_LINEAR", "next": ["end"], "joins": "start"},
    {"name": "end", "transition": "TRANSITION_END"},
]
BASE = "/api/v1/projects/default"


def result(tmp_path: Path, **values: Any) -> str:
    writer, manifest = Writer(tmp_path / "out"), Manifest()
    for name, value in values.items():
        manifest.artifacts[name] = writer.add(value)
        manifest.new.append(name)
    data = seal(manifest, writer)
    return base64.b64encode(data).decode()


def task(step: str, task_id: str = "0", state: str = "SUCCEEDED", **more: Any) -> dict[str, Any]:
    index = {"index": int(task_id)} if task_id != "0" else {}
    times = {"startedAt": "2026-11-23T20:00:00.5Z", "finishedAt": "2026-11-23T20:00:01.123456789Z"}
    key = {"runId": RUN, "step": step, **index}
    return {"key": key, "taskId": task_id, "state": f"TASK_STATE_{state}", "attempt": 1, **times, **more}


def run(state: str = "SUCCEEDED", **more: Any) -> dict[str, Any]:
    return {
        "runId": RUN,
        "flow": "Train",
        "state": f"RUN_STATE_{state}",
        "parameters": {"epochs": 5, "rate": 2.0},
        "tags": ["nightly"],
        "createdAt": "2026-11-23T20:00:00Z",
        "createdBy": {"kind": "user", "name": "ann"},
        "systemTags": ["user:ann", "date:2026-11-23"],
        "graph": {"flow": "Train", "steps": GRAPH, "start": "start", "end": "end"},
        **more,
    }


@pytest.fixture
def served(api: Api, tmp_path: Path) -> Api:
    tasks = [
        task("start", result=result(tmp_path, items=list(range(100)))),
        *(task("work", str(at), result=result(tmp_path, square=at * at)) for at in range(100)),
        task("join", result=result(tmp_path, best=99, table={"a": [1, 2]})),
        task("end", result=result(tmp_path, best=99)),
    ]

    def list_tasks(query: dict[str, list[str]], body: Any) -> dict[str, Any]:
        def wanted(each: dict[str, Any]) -> bool:
            step, ident = query.get("step", [""])[0], query.get("taskId", [""])[0]
            return (not step or each["key"]["step"] == step) and (not ident or each["taskId"] == ident)

        return {"tasks": [each for each in tasks if wanted(each)]}

    def list_runs(query: dict[str, list[str]], body: Any) -> dict[str, Any]:
        has = {*run()["tags"], *run()["systemTags"]}
        return {"runs": [run()] if query.get("flow") == ["Train"] and set(query.get("tags", ())) <= has else []}

    api.routes |= {
        ("GET", f"/api/v1/runs/{RUN}"): {"run": run()},
        ("GET", "/api/v1/runs/latest"): {"run": run()},
        ("GET", f"/api/v1/runs/{RUN}/tasks"): list_tasks,
        ("GET", f"{BASE}/runs"): list_runs,
        ("GET", f"{BASE}/flows"): {"flows": [{"flow": "Train", "runs": 1}]},
    }
    return api


def test_a_flow_and_its_runs(served: Api) -> None:
    flow = Flow("Train")
    assert flow.latest_run and flow.latest_run.id == RUN and RUN in flow and "nothing" not in flow
    assert [each.id for each in flow] == [RUN] == [each.id for each in flow.runs("nightly")]
    assert list(flow.runs("weekly")) == []
    assert [each.id for each in flows()] == ["Train"]
    asked = [query for _, query, _ in served.seen("GET", "/runs")]
    assert flow.latest_successful_run and {"state": ["RUN_STATE_SUCCEEDED"]}.items() <= served.requests[-1][2].items()
    assert asked[0]["pageSize"] == ["1"]
    with pytest.raises(NotFound, match="no flow 'Nothing' has run in project 'default'"):
        Flow("Nothing")


def test_a_run(served: Api) -> None:
    found = Run(f"Train/{RUN}")
    assert (found.pathspec, found.state, found.successful, found.finished) == (f"Train/{RUN}", "succeeded", True, True)
    assert repr(found.parameters) == "{'epochs': 5, 'rate': 2.0}"
    assert found.tags == {"nightly", "user:ann", "date:2026-11-23"} and found.user_tags == {"nightly"}
    assert found.created_at == datetime(2026, 11, 23, 20, tzinfo=UTC)
    assert found.data and found.data.best == 99 and found.data.epochs == 5 and "best" in found.data
    assert [step.id for step in found] == ["start", "work", "join", "end"]
    assert "work" in found and "nothing" not in found
    assert Run("latest").id == RUN and namespace(None) is None
    with pytest.raises(NotFound, match="is of flow 'Train', not of 'Other'"):
        Run(f"Other/{RUN}")
    with pytest.raises(KeyError, match="its steps are start, work, join, end"):
        found["nothing"]


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED"])
def test_a_run_that_did_not_succeed_is_finished_all_the_same(api: Api, state: str) -> None:
    failure = {"code": "USER_ERROR", "message": "boom", "exceptionType": "ValueError"}
    api.routes[("GET", f"/api/v1/runs/{RUN}")] = {"run": run(state, failure=failure)}
    found = Run(RUN)
    assert found.finished and not found.successful
    assert str(found.failure) == "ValueError: boom"


def test_a_hundred_results_take_two_requests(served: Api) -> None:
    step = Run(RUN)["work"]
    before = len(served.requests)
    assert [each.data.square for each in step] == [at * at for at in range(100)]
    assert len(served.requests) - before <= 1 and before == 3  # who asks (once for all), the run, the tasks
    assert served.requests[2][2] == {"step": ["work"], "results": ["true"], "pageSize": ["1000"]}


def test_tasks_and_artifacts(served: Api) -> None:
    join = Task(f"Train/{RUN}/join/0")
    assert join.successful and join.finished and join.exception is None and join.index is None
    assert join.data.table == {"a": [1, 2]} and join["best"].data == 99 and "rate" in join
    assert join.finished_at == datetime(2026, 11, 23, 20, 0, 1, 123456, tzinfo=UTC)
    assert [each.id for each in join.artifacts] == ["best", "epochs", "rate", "table"]
    assert join.artifacts.best.type == "int" and len(join.artifacts.best.sha) == 64
    assert [each.id for each in join.parent_tasks] == [str(at) for at in range(100)]
    assert [each.pathspec for each in join.child_tasks] == [f"Train/{RUN}/end/0"]
    work = Step(f"Train/{RUN}/work")["7"]
    assert work.index == 7 and [each.id for each in work.parent_tasks] == ["0"]
    with pytest.raises(AttributeError, match="has no artifact 'bset'; did you mean 'best'"):
        _ = join.data.bset
    with pytest.raises(NotFound, match="has no task join/3"):
        Task(f"Train/{RUN}/join/3")
    with pytest.raises(InvalidArgument, match="not a path specification of the form flow/run/step/task"):
        Task(f"Train/{RUN}")


def test_a_value_that_this_python_cannot_load(api: Api) -> None:
    data = pickle.dumps(ValueError("x"), protocol=5).replace(b"ValueError", b"NotAnError")
    entry = {"inline": base64.b64encode(data).decode(), "type": "builtins.NotAnError", "encoding": "pickle5", "size": 1}
    manifest = json.dumps({"v": 1, "artifacts": {"odd": entry}, "new": ["odd"]}).encode()
    body = task("end", result=base64.b64encode(manifest).decode())
    api.routes |= {
        ("GET", f"/api/v1/runs/{RUN}"): {"run": run()},
        ("GET", f"/api/v1/runs/{RUN}/tasks"): {"tasks": [body]},
    }
    with pytest.raises(
        ArtifactError, match=r"'odd' of Train/.* is a builtins.NotAnError, which this Python cannot load"
    ):
        _ = Task(f"Train/{RUN}/end/0").data.odd


def test_logs(served: Api) -> None:
    served.routes["GET", f"/api/v1/runs/{RUN}/logs"] = {
        "chunks": [
            {"lines": [{"stream": "LOG_STREAM_STDOUT", "time": "2026-11-23T20:00:00Z", "text": "one"}]},
            {
                "lines": [
                    {"stream": "LOG_STREAM_STDERR", "text": "oops"},
                    {"stream": "LOG_STREAM_STDOUT", "text": "two"},
                ]
            },
        ]
    }
    found = Task(f"Train/{RUN}/end/0")
    assert (found.stdout, found.stderr) == ("one\ntwo\n", "oops\n")
    assert next(iter(found.loglines()))[0] == datetime(2026, 11, 23, 20, tzinfo=UTC)
    assert served.requests[-1][2]["step"] == ["end"] and served.requests[-1][2]["taskId"] == ["0"]


def test_depths_of_nested_foreach() -> None:
    nested = [
        {"name": "start", "transition": "TRANSITION_FOREACH", "next": ["a"]},
        {"name": "a", "transition": "TRANSITION_FOREACH", "next": ["b"]},
        {"name": "b", "transition": "TRANSITION_SPLIT", "next": ["c", "d"]},
        {"name": "c", "next": ["e"]},
        {"name": "d", "next": ["e"]},
        {"name": "e", "joins": "b", "next": ["f"]},
        {"name": "f", "joins": "a", "next": ["g"]},
        {"name": "g", "joins": "start"},
    ]
    assert depths(nested) == {"start": 0, "a": 1, "b": 2, "c": 2, "d": 2, "e": 2, "f": 1, "g": 0}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("latest", ("latest", "", "")),
        ("cafe0123", ("cafe0123", "", "")),
        ("cafe0123/train", ("cafe0123", "train", "")),
        ("latest/train/2.5", ("latest", "train", "2.5")),
        ("TrainFlow/cafe0123/train/3", ("cafe0123", "train", "3")),
    ],
)
def test_targets_of_the_command_line(text: str, parts: tuple[str, str, str]) -> None:
    assert split_target(text) == parts
