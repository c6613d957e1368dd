"""What each command prints, as text and as JSON, and what it asks of the server."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Headwater
from tests.unit.client.api import Api
from tests.unit.client.test_objects import RUN, result, run, task

BASE = "/api/v1/projects/default"


@pytest.fixture
def served(api: Api, tmp_path: Path) -> Api:
    failure = {"code": "USER_ERROR", "message": "boom", "exceptionType": "ValueError", "traceback": "Traceback …\n"}
    tasks = [
        task("start", result=result(tmp_path, items=[1, 2])),
        *(task("work", str(at), result=result(tmp_path, square=at)) for at in range(2)),
        task("join", state="FAILED", failure=failure),
    ]

    def list_tasks(query: dict[str, list[str]], body: Any) -> dict[str, Any]:
        step = query.get("step", [""])[0]
        return {"tasks": [each for each in tasks if not step or each["key"]["step"] == step]}

    found = run("FAILED", failure=failure, finishedAt="2026-11-23T20:02:05Z", tasks={"succeeded": 3, "failed": 1})
    missing = {"error": {"code": "NOT_FOUND", "message": "no such run"}}
    api.routes |= {
        ("GET", f"{BASE}/runs"): {"runs": [found]},
        ("GET", f"/api/v1/runs/{RUN}"): {"run": found},
        ("GET", "/api/v1/runs/00aa"): {"run": found},
        ("GET", "/api/v1/runs/01931f"): lambda query, body: (404, missing),
        ("GET", f"/api/v1/runs/{RUN}/tasks"): list_tasks,
        ("GET", f"/api/v1/tracking/runs/{RUN}"): {
            "run": {"runId": RUN, "metrics": [{"key": "loss", "value": 0.25}], "tags": {"headwater.model.digits": "3"}}
        },
        ("GET", f"{BASE}/tracking/runs"): {
            "runs": [{"runId": "n", "name": "work[1]", "metrics": [{"key": "accuracy", "value": 0.9}]}]
        },
    }
    return api


def test_runs(served: Api, headwater: Headwater) -> None:
    status, out, _ = headwater("runs", "--flow", "Train", "--state", "failed", "-n", "5")
    assert status == 0
    title, row = out.splitlines()
    assert title.split() == ["RUN", "FLOW", "STATE", "STARTED", "TOOK", "TASKS", "BY", "WHY"]
    assert row.split()[:3] == [RUN[-8:], "Train", "failed"] and "2m05s" in row and "3/4" in row and row.endswith("boom")
    query = served.requests[-1][2]
    assert query["flow"] == ["Train"] and query["state"] == ["RUN_STATE_FAILED"]
    assert json.loads(headwater("runs", "list", "--json")[1])[0]["runId"] == RUN


def test_run_show(served: Api, headwater: Headwater) -> None:
    _, out, _ = headwater("run", "show", "00aa")
    for text in (
        RUN,
        "epochs=5, rate=2.0",
        "nightly",
        "digits/3",
        "loss",
        "0.25",
        "work[1]",
        "0.9",
        "ValueError: boom",
    ):
        assert text in out, text
    rows = [line.split() for line in out.splitlines()]
    assert ["work", "0", "succeeded", "1", "0.6s"] in rows and ["end", "not", "reached"] in rows
    shown = json.loads(headwater("run", "show", "01931f", "--json")[1])
    assert set(shown) == {"run", "tasks", "tracked", "nested"} and len(shown["tasks"]) == 4


def test_run_cancel(served: Api, headwater: Headwater) -> None:
    assert "was over already: failed" in headwater("run", "cancel", RUN)[1] and not served.seen("POST")
    served.routes["GET", f"/api/v1/runs/{RUN}"] = {"run": run("RUNNING")}
    served.routes["POST", f"/api/v1/runs/{RUN}/cancel"] = {"run": run("CANCELLED")}
    assert "is cancelled" in headwater("run", "cancel", RUN, "--reason", "enough")[1]
    assert served.seen("POST")[0][2] == {"reason": "enough"}


def test_the_flow_in_front_of_a_run_counts(served: Api, headwater: Headwater) -> None:
    assert headwater("run", "cancel", f"Train/{RUN}")[0] == 0
    status, _, err = headwater("run", "cancel", f"Other/{RUN}")
    assert status == 4 and "is of flow 'Train', not of 'Other'" in err
    served.routes["GET", f"{BASE}/runs"] = {"runs": []}
    status, _, err = headwater("run", "cancel", "Other/latest")
    assert status == 4 and "flow Other has no run yet" in err


def test_logs(served: Api, headwater: Headwater) -> None:
    lines = [{"stream": "LOG_STREAM_STDOUT", "text": "out"}, {"stream": "LOG_STREAM_STDERR", "text": "err"}]
    chunk = {"key": {"step": "work", "index": 1}, "taskId": "1", "lines": lines}
    served.routes["GET", f"/api/v1/runs/{RUN}/logs"] = {"chunks": [chunk]}
    assert headwater("logs", f"{RUN}/work")[1] == "[work/1] out\n[work/1] err\n"
    assert headwater("logs", f"{RUN}/work/1", "--stderr")[1] == "err\n"
    assert served.requests[-1][2] == {
        "step": ["work"], "taskId": ["1"], "stream": ["stderr"], "pageSize": ["1000"],
    }  # fmt: skip
    assert json.loads(headwater("logs", RUN, "--stdout", "--json")[1])["text"] == "out"


def test_artifacts(served: Api, headwater: Headwater, tmp_path: Path) -> None:
    _, out, _ = headwater("artifacts", RUN)
    assert [line.split()[:3] for line in out.splitlines()[1:]] == [
        ["start", "0", "items"],
        ["work", "0", "square"],
        ["work", "1", "square"],
    ]
    rows = json.loads(headwater("artifacts", "ls", f"{RUN}/work/1", "--values", "--json")[1])
    assert {row["name"]: row["value"] for row in rows} == {"epochs": "5", "rate": "2.0", "square": "1"}
    assert headwater("artifacts", "get", f"{RUN}/start", "items")[1] == "[1, 2]\n"
    file = tmp_path / "items.json"
    headwater("artifacts", "get", f"{RUN}/start/0", "items", "-o", str(file))
    assert json.loads(file.read_text()) == [1, 2]
    status, _, err = headwater("artifacts", "get", f"{RUN}/work", "square")
    assert status == 2 and f"{RUN}/work/0" in err
    assert headwater("artifacts", "get", f"{RUN}/start", "itms")[0] == 4
    assert headwater("artifacts", f"{RUN}/nothing")[0] == 4


def test_experiments(api: Api, headwater: Headwater) -> None:
    api.routes |= {
        ("GET", f"{BASE}/experiments"): {"experiments": [{"name": "Train", "runs": "2"}]},
        ("GET", f"{BASE}/experiments/Train"): {"experiment": {"name": "Train"}},
        ("GET", f"{BASE}/tracking/runs"): {
            "runs": [
                {"runId": "aaaaaaaa1", "state": "TRACKED_RUN_STATE_FINISHED", "params": {"c": "1"},
                 "metrics": [{"key": "loss", "value": 1}, {"key": "accuracy", "value": 0.91}]},
                {"runId": "aaaaaaaa2", "params": {"c": "2"}, "metrics": [{"key": "accuracy", "value": 0.9}]},
            ]
        },
    }  # fmt: skip
    assert headwater("experiments")[1].splitlines()[1].split() == ["Train", "2"]
    title, first, _ = headwater("experiments", "show", "Train", "--sort", "accuracy")[1].splitlines()
    assert title.split() == ["RUN", "NAME", "STATE", "accuracy", "loss", "c", "STARTED"]
    assert first.split() == ["aaaaaaa1", "finished", "0.91", "1", "1"]
    assert api.requests[-1][2]["orderBy"] == ["metrics.`accuracy` DESC"]
    assert headwater("experiments", "show", "Nothing")[0] == 4


def test_models_and_promotion(api: Api, headwater: Headwater) -> None:
    version = {
        "name": "digits", "version": 3, "metrics": {"accuracy": 0.97}, "aliases": ["champion"], "size": "2048",
        "lineage": {"flow": "F", "runId": RUN, "step": "s", "taskId": "0"},
        "signature": {"inputs": [{"name": "x", "type": "float32", "shape": [-1.0, 64.0]}]},
    }  # fmt: skip
    move = {
        "name": "digits", "alias": "champion", "version": 3, "previousVersion": 2, "reason": "better",
        "actor": {"kind": "task", "name": "F"},
    }  # fmt: skip
    model = {"name": "digits", "latestVersion": 3, "aliases": {"champion": 3}}
    api.routes |= {
        ("GET", f"{BASE}/models"): {"models": [model]},
        ("GET", f"{BASE}/models/digits"): {"model": model},
        ("GET", f"{BASE}/models/digits/promotions"): {"promotions": [move]},
        ("GET", f"{BASE}/models/digits/versions"): {"versions": [version]},
        ("GET", f"{BASE}/models/digits/versions/@champion"): {"version": version},
        ("PUT", f"{BASE}/models/digits/aliases/champion"): {"promotion": move},
    }
    assert "champion → 3" in headwater("models")[1]
    assert headwater("models", "show", "digits")[1].splitlines()[-1].split() == [
        "champion",
        "2",
        "3",
        "task",
        "F",
        "better",
    ]
    assert "accuracy=0.97" in headwater("models", "versions", "digits")[1]
    _, out, _ = headwater("models", "show", "digits@champion")
    assert f"F/{RUN}/s/0" in out and "?×64" in out and "2.0 KiB" in out
    told = headwater("promote", "digits", "3", "--alias", "champion", "--reason", "better")[1]
    assert told == "digits@champion is version 3 (was version 2).\n"
    assert api.seen("PUT")[0][2].items() >= {"version": "3", "reason": "better"}.items()
    assert headwater("models", "show", "nothing")[0] == 4


def test_flows_and_deployments(api: Api, headwater: Headwater, tmp_path: Path) -> None:
    trigger = {"event": {"name": "model.promoted", "filter": {"name": "digits"}}}
    deployment = {"name": "Score", "version": 2, "triggers": [trigger, {"finish": {"flow": "Train"}}]}
    api.routes |= {
        ("GET", f"{BASE}/flows"): {"flows": [{"flow": "Train", "runs": 3, "latest": run()}]},
        ("GET", f"{BASE}/deployments"): {"deployments": [deployment]},
        ("POST", f"{BASE}/deployments"): {"deployment": deployment},
        ("DELETE", f"{BASE}/deployments/Score"): {},
    }
    score, train = headwater("flows")[1].splitlines()[1:]
    assert "version 2" in score and "event model.promoted (name=digits); after Train" in score
    assert train.split()[:4] == ["Train", "3", RUN[-8:], "succeeded"]
    file = tmp_path / "score_flow.py"
    file.write_text(
        "from headwater import FlowSpec, Parameter, step, trigger\n"
        "@trigger(event='model.promoted')\nclass Score(FlowSpec):\n    seed = Parameter('seed', default=1)\n"
        "    @step\n    def start(self):\n        self.next(self.end)\n    @step\n    def end(self):\n        pass\n"
    )
    assert headwater("deploy", str(file), "-p", "seed=5", "--tag", "t")[1].startswith("Score version 2 is deployed.")
    sent = api.seen("POST", "/deployments")[0][2]
    assert sent["parameters"] == {"seed": 5} and sent["tags"] == ["t"] and sent["code"]["flowClass"] == "Score"
    assert headwater("undeploy", "Score")[0] == 0
    assert headwater("deploy", str(file), "-p", "seed")[0] == 2
    empty = tmp_path / "nothing_flow.py"
    empty.write_text("x = 1\n")
    status, _, err = headwater("deploy", str(empty))
    assert status == 1 and "has no flows" in err
    empty.write_text("import nothing_of_that_name\n")
    assert "No module named 'nothing_of_that_name'" in headwater("deploy", str(empty))[2]


def test_tokens(api: Api, headwater: Headwater) -> None:
    info = {"tokenId": "t1", "name": "ci", "role": "runner", "project": "default"}
    api.routes |= {
        ("POST", "/api/v1/tokens"): {"token": info, "secret": "hw_pat_t1_x"},
        ("GET", "/api/v1/tokens"): {"tokens": [info]},
        ("DELETE", "/api/v1/tokens/t1"): {},
    }
    status, out, err = headwater("token", "create", "ci", "--expires", "12h")
    assert (status, out) == (0, "hw_pat_t1_x\n") and "not shown again" in err
    assert api.seen("POST")[0][2] == {"name": "ci", "role": "runner", "project": "default", "expiresIn": "43200s"}
    assert "hw_pat" not in headwater("token", "list")[1]
    assert headwater("token", "revoke", "t1")[0] == 0 and headwater("token", "revoke", "t2")[0] == 4
