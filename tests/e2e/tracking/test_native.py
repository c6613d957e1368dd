"""The native SDK on a running platform: all that a run can have, from threads and forks, beside the real server."""

import json
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import headwater
from headwater.errors import FailedPrecondition, InvalidArgument, NotFound
from headwater.tracking import session as sessions
from headwater.tracking import tables
from tests.e2e.conftest import Platform

SCRIPTS = Path(__file__).parent / "scripts"


def test_what_a_run_can_have(connected: Platform, tmp_path: Path) -> None:
    headwater.set_experiment("native")
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.bin").write_bytes(b"\0\1")
    (tmp_path / "note.md").write_text("# one")
    frame = pd.DataFrame({"x": [1, 2], "y": ["a", "b"]})
    with headwater.start_run(run_name="all", tags={"team": "vision"}, description="says all") as run:
        headwater.log_artifact(tmp_path / "note.md", "notes")
        headwater.log_artifact(folder)
        headwater.log_text("ü", "texts/u.txt")
        headwater.log_dict({"n": np.int64(3)}, "conf.json")
        headwater.log_dict({"n": [1]}, "conf.yaml")
        headwater.log_table(frame, "eval.json")
        headwater.log_table({"x": 3, "z": np.float32(0.5)}, "eval.json")
        headwater.log_input(frame, "training", name="spam", source="s3://b/spam.csv")
        headwater.log_image(np.zeros((2, 3), bool), "black.png")
        headwater.log_image(np.full((2, 3, 3), 0.5), key="a/b", step=7)
        headwater.log_metric("loss", 0.5, 3, timestamp=1_700_000_000_123)
        with headwater.start_run(nested=True, run_name="below"):
            headwater.log_metrics({"loss": 0.25}, 4)
        headwater.flush()
        (found,) = headwater.search_runs("native", "tags.team = 'vision'")
        assert (found.run_id, found.state, found.metrics) == (run.run_id, "running", {"loss": 0.5})
    (point,) = headwater.get_metric_history(run.run_id, "loss")
    assert (point.step, point.time.timestamp()) == (3, 1_700_000_000.123)
    one = run.run_id
    assert set(headwater.list_artifacts(run_id=one)) == {
        "black.png", "conf.json", "conf.yaml", "data/", "eval.json", "images/", "notes/", "texts/",
    }  # fmt: skip
    assert headwater.download_artifact("data/deep/a.bin", run_id=one) == b"\0\1"
    assert headwater.download_artifact("texts/u.txt", run_id=one).decode() == "ü"
    assert json.loads(headwater.download_artifact("conf.json", run_id=one)) == {"n": 3}
    assert headwater.download_artifact("black.png", run_id=one).startswith(b"\x89PNG")
    (image,) = headwater.list_artifacts("images", run_id=one)
    assert image.startswith("images/a~b+step+7+timestamp+")
    table = headwater.load_table("eval.json", [one], extra_columns=["run_id"])
    assert table["x"].tolist() == [1, 2, 3] and table["z"].tolist()[2] == 0.5 and set(table["run_id"]) == {one}
    # A later process goes on with the table of a run that it continues.
    with headwater.start_run(run_id=one) as again:
        assert again.name == "all"
        tables._tables.clear()
        headwater.log_table({"x": [4]}, "eval.json")
    assert headwater.load_table("eval.json", one)["x"].tolist() == [1, 2, 3, 4]
    (below,) = headwater.search_runs(parent_run_id=one)
    assert (below.name, below.experiment, below.metrics) == ("below", "native", {"loss": 0.25})
    shown = headwater.search_runs("native", output_format="pandas")
    assert set(shown["metrics.loss"]) == {0.5, 0.25}
    assert shown["tags.mlflow.note.content"].dropna().tolist() == ["says all"]
    assert [e.runs for e in headwater.search_experiments() if e.name == "native"] == [2]
    headwater.delete_run(below.run_id)
    assert len(headwater.search_runs(parent_run_id=one)) == 0
    headwater.restore_run(below.run_id)
    assert headwater.get_run(below.run_id).state == "finished"


def test_wrong_input_is_told_where_it_is_logged(connected: Platform, tmp_path: Path) -> None:
    with headwater.start_run():
        for path in ("", "../x", "/x", "a/../../b", "a#b", "a%41"):
            with pytest.raises(InvalidArgument, match="not a path of a file within a run"):
                headwater.log_text("x", path)
        with pytest.raises(headwater.errors.ArtifactError, match="No such file"):
            headwater.log_artifact(tmp_path / "none")
        with pytest.raises(InvalidArgument, match="differ in length"):
            headwater.log_table({"a": [1], "b": [1, 2]}, "t.json")
        with pytest.raises(InvalidArgument, match=r"must end with \.json"):
            headwater.log_table({"a": 1}, "t.csv")
        with pytest.raises(InvalidArgument, match="not one of matplotlib or plotly"):
            headwater.log_figure(3, "a.png")
        with pytest.raises(InvalidArgument, match="nobody here can describe"):
            headwater.log_input(3)
        with pytest.raises(InvalidArgument, match=r"the shape \(2, 2, 2\)"):
            headwater.log_image(np.zeros((2, 2, 2)), "a.png")
        with pytest.raises(InvalidArgument, match="within 0 and 1"):
            headwater.log_image(np.full((2, 2), 1.5), "a.png")
        with pytest.raises(FailedPrecondition, match="nested=True"):
            headwater.start_run()
        with pytest.raises(InvalidArgument, match="not one of FAILED, FINISHED, KILLED"):
            headwater.end_run("DONE")
    with pytest.raises(NotFound):
        headwater.start_run(run_id="0" * 32)
    with pytest.raises(InvalidArgument, match="'a' already"), headwater.start_run():
        headwater.log_param("p", "a")
        headwater.log_param("p", "b")


def test_threads_and_forks(connected: Platform) -> None:
    run_id = connected.run(sys.executable, SCRIPTS / "forks.py").stdout.split()[0]
    run = headwater.get_run(run_id)
    assert run.state == "finished"
    keys = {"before", "after", "child", "process", "thread-0", "thread-1", "thread-2"}
    assert run.metrics == dict.fromkeys(keys, 499.0)
    for key in keys:
        assert [point.step for point in headwater.get_metric_history(run_id, key)] == list(range(500)), key


def test_threads_have_runs_of_their_own(connected: Platform) -> None:
    found: dict[str, str] = {}

    def work(name: str) -> None:
        with headwater.start_run(run_name=name) as run:
            headwater.log_param("who", name)
            found[name] = run.run_id

    with headwater.start_run() as outer:
        threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        headwater.log_param("who", "main")
    for name, run_id in (found | {"main": outer.run_id}).items():
        assert headwater.get_run(run_id).params == {"who": name}


def test_a_full_spool_says_what_it_drops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("HEADWATER_URL", "HEADWATER_TOKEN", "HEADWATER_PROJECT", "HEADWATER_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path))
    monkeypatch.setenv("HEADWATER_SPOOL_MB", "0.001")
    with headwater.start_run() as run:
        for at in range(3):
            for _ in range(100):
                headwater.log_metric("loss", at)
            assert not run.session.flush(0.3)
    said = capfd.readouterr().err
    assert said.count(f"points of run {run.run_id} (loss) are dropped from step 100 on") == 1
    assert said.count("no Headwater server is running") == 1
    assert run.session.dropped(run.run_id) == 200
    sessions.session().close()
