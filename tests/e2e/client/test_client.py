"""The Client API, tracking and the registry against a running platform."""

import sys
from pathlib import Path

import numpy as np
import pytest

from headwater.artifacts import blobs
from headwater.client import Flow, Run, connect
from headwater.errors import AlreadyExists, DataLoss, HeadwaterError, InvalidArgument, NotFound
from headwater.models import (
    get_model,
    get_version,
    infer_signature,
    list_promotions,
    list_versions,
    load_model,
    promote,
    register_model,
    remove_alias,
    update_version,
)
from headwater.s3.transfer import Bucket
from headwater.tracking import get_metric_history, log_metric, log_metrics, log_param, search_runs, set_tag, start_run
from tests.e2e.conftest import Platform

WIDE = """from headwater import FlowSpec, Parameter, step
import numpy as np
class WideFlow(FlowSpec):
    width = Parameter("width", default=100)
    @step
    def start(self):
        self.items = list(range(self.width))
        self.big = np.arange(500_000.0)
        self.next(self.work, foreach="items")
    @step
    def work(self):
        self.square = self.input ** 2
        self.next(self.join)
    @step
    def join(self, inputs):
        self.total = sum(each.square for each in inputs)
        self.big = inputs[0].big
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    WideFlow()
"""


@pytest.fixture(scope="module")
def wide(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("wide")
    (folder / "wide.py").write_text(WIDE)
    platform.run(sys.executable, folder / "wide.py", "run", "--run-id-file", folder / "id")
    return (folder / "id").read_text()


def test_a_wide_run_is_read_in_few_requests(connected: Platform, wide: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Flow("WideFlow").latest_successful_run
    assert run and run.id == wide and run.parameters == {"width": 100}
    conn = connect()
    calls: list[str] = []
    original = type(conn).call
    monkeypatch.setattr(type(conn), "call", lambda *a, **k: (calls.append(a[2]), original(*a, **k))[1])
    assert [task.data.square for task in run["work"]] == [at * at for at in range(100)]
    assert len(calls) <= 2, calls
    assert run.data and run.data.total == sum(at * at for at in range(100))


def test_large_values_are_blobs(connected: Platform, wide: str) -> None:
    run = Run(wide)
    made, passed = run["start"].task["big"], run["end"].task["big"]
    assert np.array_equal(made.data, np.arange(500_000.0)) and made.sha == passed.sha and made.has_blob
    assert [step.id for step in run] == ["start", "work", "join", "end"]
    assert [task.id for task in run["join"].task.parent_tasks] == [str(at) for at in range(100)]


def test_blobs(connected: Platform, tmp_path: Path) -> None:
    digest = blobs.put(b"some bytes" * 1000)
    assert blobs.put(b"some bytes" * 1000) == digest
    path = blobs.get(digest)
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    assert blobs.get(digest).read_bytes() == b"some bytes" * 1000
    with pytest.raises(NotFound):
        blobs.get("0" * 64)
    conn = connect()
    wrong = {"digest": "1" * 64, "size": "5"}
    reply = conn.call("POST", "/api/v1/projects/default/blobs", wrong)
    with pytest.raises(HeadwaterError):
        blobs._upload(reply["url"], reply.get("headers", {}), b"other", 5)
        conn.call("POST", f"/api/v1/projects/default/blobs/{'1' * 64}/commit", {"size": "5"})


def test_tracking_outside_of_a_flow(connected: Platform) -> None:
    with start_run(experiment="by hand", name="first", params={"c": 0.1}, tags={"who": "test"}) as run:
        for at in range(1500):
            log_metric("loss", 1 / (at + 1), step=at)
        log_metrics({"accuracy": 0.9, "odd": float("nan")})
        log_param("kernel", "rbf")
        set_tag("note", "x")
    (found,) = search_runs("by hand", "metrics.accuracy > 0.8 and params.kernel = 'rbf'")
    assert found.run_id == run.run_id and found.state == "finished" and found.params == {"c": "0.1", "kernel": "rbf"}
    assert found.tags["note"] == "x" and found.metrics["loss"] == 1 / 1500
    assert [point.step for point in get_metric_history(run.run_id, "loss")] == list(range(1500))
    assert len(get_metric_history(run.run_id, "loss", max_points=100)) <= 200
    assert search_runs("by hand", "metrics.accuracy > 0.95") == []
    with pytest.raises(InvalidArgument):
        search_runs("by hand", "metrics.accuracy >")


def test_the_registry(connected: Platform) -> None:
    X = np.zeros((10, 3), np.float32)
    first = register_model("reg", {"w": 1}, metrics={"accuracy": 0.5}, signature=infer_signature(X), tags={"a": 1})
    second = register_model("reg", {"w": 2}, metrics={"accuracy": 0.7}, description="better")
    assert (first.version, second.version) == (1, 2)
    assert [each.version for each in list_versions("reg")] == [2, 1]
    move = promote("reg", first, reason="first")
    assert (move.previous_version, move.version, move.metrics) == (0, 1, {"accuracy": 0.5})
    with pytest.raises(HeadwaterError):
        promote("reg", second, expected_version=7)
    promote("reg", "latest", reason="better", expected_version=1)
    assert load_model("reg@champion") == {"w": 2} and load_model("reg/1") == {"w": 1} == load_model("models:/reg/1")
    assert get_model("reg").aliases == {"champion": 2}
    assert [(each.version, each.reason) for each in list_promotions("reg")] == [(2, "better"), (1, "first")]
    assert update_version("reg", 1, description="old", tags={"b": 2}).tags == {"a": "1", "b": "2"}
    assert get_version("reg/1").signature == {"inputs": [{"name": "input", "type": "float32", "shape": [-1, 3]}]}
    remove_alias("reg", "champion", reason="done")
    for missing in ("reg@champion", "reg/9", "nothing"):
        with pytest.raises(NotFound):
            load_model(missing)
    with pytest.raises((InvalidArgument, AlreadyExists)):
        register_model("no/such name", 1)


def test_damaged_stored_bytes_are_found(connected: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = blobs.put(b"to be damaged" * 100)
    original = Bucket.fetch

    def fetch(self: Bucket, key: str, where: str, part: object, path: str) -> object:
        found = original(self, key, where, part, path)
        Path(path).write_bytes(b"x" + Path(path).read_bytes()[1:])
        return found

    monkeypatch.setattr(Bucket, "fetch", fetch)
    with pytest.raises(DataLoss, match=digest):
        blobs.get(digest)
