"""Tracking by the real mlflow client, alone and inside of a step, and by plain HTTP."""

import base64
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Platform
from tests.e2e.mlflow.conftest import HERE, Client

INVALID, ABSENT = "INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"


def check_life(said: dict[str, Any], name: str) -> None:
    assert said["default"] == ["Default", "0"] and said["by tag"] == [name]
    assert said["experiment"] == [True, {"a": "b", "c": "d"}, "active", "mlflow-artifacts:/ID"]
    texts = {"mlflow.runName": "renamed", "x": "y"}
    assert said["run"] == ["KILLED", "renamed", 1700000000123, 1700000009999, texts, {"lr": "0.1", "p": "1"}]
    assert said["metrics"] == {"-inf": "-inf", "b": "123.625", "inf": "inf", "m": "2.5", "nan": "nan"}
    assert said["inputs"] == [["data", "profile", ["train"]]]
    assert said["history"] == [[1.5, 10, 0], [2.5, 11, 5], [0.5, 50, 3]] and said["histories"] == [990, 0]
    assert said["views"] == [0, 1, 1]
    every = ["r0", "r1", "r2", "r3", "r4", "r5"]
    assert said["found"] == [
        ["r3", "r4", "r5"], ["r0", "r2"], ["renamed", *every], ["renamed"], ["renamed"], ["renamed"], ["r0", "r1"],
        ["renamed"], ["r0", "r3", "r5"],
    ]  # fmt: skip
    assert said["ordered"] == [
        ["r4", "r3", "r5", "r0", "r1", "r2", "renamed"],
        ["r0", "r5", "r3", "r4", "r1", "r2", "renamed"],
        ["r2", "r5", "r1", "r4", "r0", "r3", "renamed"],
    ]
    assert said["pages"] == [every[:3], every[3:], ["renamed"]]
    assert said["life"] == [True, "active"]
    assert said["fluent"] == ["FINISHED", {"a": 3.0, "b": 2.5}, {"x": "1", "y": "z"}, "note", 3, "FAILED", 3, True]


def check_refusals(refused: dict[str, list[str]], name: str) -> None:
    invalid = {"long name", "param", "params", "twice", "name", "deleted", "filter", "order", "page"}
    codes = dict.fromkeys(invalid | {"deleted experiment"}, INVALID) | {"same name": "RESOURCE_ALREADY_EXISTS"}
    codes |= dict.fromkeys(("no experiment", "no run", "no tag"), ABSENT)
    assert {what: code for what, (code, _) in refused.items()} == codes
    says = {what: text.partition(": ")[2] for what, (_, text) in refused.items()}
    assert says["same name"] == f"Experiment(name={name}) already exists."
    assert says["no run"] == f"Run with id={'f' * 32} not found"
    assert says["long name"] == "'name' exceeds the maximum length of 500 characters"
    assert says["param"].startswith("Changing param values is not allowed. Param with key='lr' was already logged with")
    assert "[{'key': 'lr', 'old_value': '0.1', 'new_value': '9'}]" in says["params"]
    assert says["twice"].startswith("Duplicate parameter keys have been submitted: ['k'].")
    assert "Invalid value \"a$b\" for parameter 'name' supplied: Names may only contain" in says["name"]
    assert "must be in the 'active' state. Current state is deleted." in says["deleted"]
    assert "must be in the 'active' state. Current state is deleted." in says["deleted experiment"]
    assert "position 15" in says["filter"] and "position 12" in says["order"]


def test_experiments_and_runs(mlflow: Client) -> None:
    said = mlflow.run("tracking_life.py", "life")
    check_life(said, "life")
    check_refusals(said["refused"], "life")


def test_experiments_and_runs_with_an_older_client(old_mlflow: Client) -> None:
    said = old_mlflow.run("tracking_life.py", "old-life")
    check_life(said, "old-life")
    check_refusals(said["refused"], "old-life")


class Http:
    def __init__(self, platform: Platform) -> None:
        self.url, self.token = platform.json("status")["url"], (platform.home / "token").read_text().strip()

    def __call__(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON; a body makes it a POST."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        said = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"} | headers
        request = urllib.request.Request(self.url + path, data, said)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


@pytest.fixture
def http(platform: Platform) -> Http:
    return Http(platform)


def test_a_step_and_mlflow_log_to_one_run(mlflow: Client, platform: Platform, http: Http) -> None:
    flow = HERE / "one_run_flow.py"
    file = platform.home / "one-run-id"
    platform.run(sys.executable, flow, "run", "--python", mlflow.python, "--run-id-file", file)
    run = Path(file).read_text().replace("-", "")
    status, got = http(f"/api/2.0/mlflow/runs/get?run_id={run}")
    assert status == 200
    assert {m["key"]: m["value"] for m in got["run"]["data"]["metrics"]} == {"own": 1.0, "theirs": 2.0}
    # mlflow has ended "its" run with the process of the first step; the flow went on, and its end counts.
    assert got["run"]["info"]["status"] == "FINISHED"
    experiment = got["run"]["info"]["experiment_id"]
    asked = {"experiment_ids": [experiment], "filter": f"tags.mlflow.parentRunId = '{run}'"}
    (task,) = http("/ajax-api/2.0/mlflow/runs/search", asked)[1]["runs"]
    assert task["info"]["run_name"] == "train[1]"
    assert {m["key"]: m["value"] for m in task["data"]["metrics"]} == {"accuracy": 0.5}
    asked["filter"] = f"tags.mlflow.parentRunId = '{task['info']['run_id']}'"
    (below,) = http("/api/2.0/mlflow/runs/search", asked)[1]["runs"]
    assert below["info"]["run_name"] == "below" and below["info"]["status"] == "FAILED"


def test_plain_http(http: Http) -> None:
    assert http("/api/3.0/mlflow/server-info")[0] == 200
    create = "/api/2.0/mlflow/runs/create"
    status, made = http(create, {"experiment_id": "0", "startTime": "1700000000123", "tags": None})
    run = made["run"]["info"]["run_id"]
    assert status == 200 and made["run"]["info"]["start_time"] == 1700000000123
    log = "/ajax-api/2.0/mlflow/runs/log-metric"
    # As protobuf's JSON and Python's may have it: numbers in text, NaN with and without quotes.
    point = {"run_uuid": run, "key": "m", "timestamp": "12", "step": "3"}
    for value in ("NaN", "-Infinity", 1.5, float("nan")):
        assert http(log, point | {"value": value}) == (200, {})
    series = f"run_id={run}&metric_key=m"
    points = http(f"/api/2.0/mlflow/metrics/get-history?{series}&max_results=2")[1]
    assert [p["value"] for p in points["metrics"]] == ["-Infinity", 1.5] and points["next_page_token"]
    sample = f"/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={run}&metric_key=m&max_results=2"
    assert [p["run_id"] for p in http(sample)[1]["metrics"]] == [run, run]
    assert len(http(f"/ajax-api/2.0/mlflow/metrics/get-history-bulk?{series}")[1]["metrics"]) == 3


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "says"),
    [
        ("runs/create", b"{", 400, "BAD_REQUEST", "not JSON"),
        ("runs/create", {"start_time": "soon"}, 400, INVALID, "Invalid value \"soon\" for parameter 'start_time'"),
        ("runs/log-metric", {"key": "m"}, 400, INVALID, "Missing value for required parameter 'run_id'"),
        ("runs/log-batch", {"run_id": "x", "metrics": [{"key": "m"}]}, 400, INVALID, "'metrics[0].value'"),
        ("runs/log-batch", {"run_id": "../x"}, 400, INVALID, "Invalid value \"../x\" for parameter 'run_id'"),
        ("experiments/delete", {}, 400, INVALID, "Missing value for required parameter 'experiment_id'"),
        ("experiments/create", {"name": "a", "artifact_location": "file:///etc"}, 400, INVALID, "artifact_location"),
        ("experiments/create", {"name": "a", "artifact_location": "s3://b/%252e%252e/c"}, 400, INVALID, "plain path"),
        ("experiments/update", {"experiment_id": "0", "new_name": "x"}, 400, INVALID, "default experiment"),
        ("runs/search", {"experiment_ids": ["0"], "max_results": 50_001}, 400, INVALID, "50001"),
        ("gateway/endpoints/create", {}, 404, "ENDPOINT_NOT_FOUND", "There is no endpoint"),
    ],
)  # fmt: skip
def test_bad_requests(http: Http, path: str, body: Any, status: int, code: str, says: str) -> None:
    answered, error = http(f"/api/2.0/mlflow/{path}", body)
    assert (answered, error["error_code"]) == (status, code)
    assert says in error["message"]


def test_who_asks(http: Http) -> None:
    basic = base64.b64encode(f"somebody:{http.token}".encode()).decode()
    assert http("/api/2.0/mlflow/experiments/get?experiment_id=0", Authorization=f"Basic {basic}")[0] == 200
    http.token = "hw_pat_wrong"
    assert http("/api/2.0/mlflow/experiments/get?experiment_id=0")[1]["error_code"] == "UNAUTHENTICATED"
    assert http("/api/2.0/mlflow/runs/create", {}, Origin="http://evil.example")[0] == 403
