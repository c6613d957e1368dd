"""Datasets on the whole platform: made in a flow, which starts another that reads them by alias; the command line."""

import json
import sys
from pathlib import Path

import pytest

from headwater import Run, artifacts, datasets
from headwater.client.http import connect
from headwater.datasets import Source
from headwater.errors import AlreadyExists, ArtifactError, InvalidArgument, NotFound

FLOWS = Path(__file__).parent / "flows"


def run(platform, file, *arguments, fails=False):
    ident = platform.home / "run-id"
    done = platform.run(sys.executable, FLOWS / file, "run", "--run-id-file", ident, *arguments, fails=fails)
    return done.stderr if fails else ident.read_text()


def runs_of(flow):
    conn = connect()
    return list(conn.pages(f"/api/v1/projects/{conn.project}/runs", "runs", {"flow": flow}))


async def test_a_flow_makes_data_and_starts_the_flow_that_reads_it(connected, eventually):
    connected.run(sys.executable, FLOWS / "train_flow.py", "deploy")
    ident = run(connected, "collect_flow.py")
    made = Run(f"CollectFlow/{ident}").data
    assert (made.made, made.again) == ("dataset://collected/1", "dataset://other/1")
    version = datasets.get(made.made)
    assert (version.run_id, version.step, version.tags, version.aliases) == (
        ident, "end", {"rows": "3"}, ("production",),
    )  # fmt: skip
    assert version.created_by.startswith("task ")
    listed = {file.path: file for file in datasets.files(version)}
    assert list(listed) == ["labels.txt", "report.txt", "test/0.csv", "test/2.csv", "train/1.csv"]
    assert listed["labels.txt"].properties == {"classes": 3}

    async def over():
        return [each for each in runs_of("TrainFlow") if each["state"] != "RUN_STATE_RUNNING"]

    (started,) = await eventually(over, timeout=60)
    assert started["state"] == "RUN_STATE_SUCCEEDED", started
    # The run means for good what the names meant when it started.
    assert started["parameters"] == {"data": "dataset://collected/1", "labels": "dataset://collected/1/labels.txt"}
    data = Run(f"TrainFlow/{started['runId']}").data
    assert data.found == list(listed) and data.linked == ["row 1"]
    assert (data.report, data.raw, data.said) == ("3 rows", b"a b c", "a b c")

    lineage = connected.json("artifacts", "lineage", f"{started['runId']}/start", "found")
    assert lineage["data"] == [{"uri": "dataset://collected/1", "digest": version.digest}]
    (report,) = connected.json("artifacts", "lineage", f"{started['runId']}/end", "report")["data"][:1]
    assert (report["uri"], report["asked"]) == ("dataset://collected/1", "dataset://collected/production")
    told = connected.headwater("artifacts", "lineage", f"{started['runId']}/end", "report")
    assert "from dataset://collected/production (dataset://collected/1)" in told

    # A resumed run sees the same, although the alias has moved.
    files = {"labels.txt": b"x", "train/x": b"x", "report.txt": b"none"}
    datasets.create_version("collected", files, aliases=["production"])
    second = run(connected, "train_flow.py")
    assert Run(f"TrainFlow/{second}").data.raw == b"x"
    connected.run(
        sys.executable, FLOWS / "train_flow.py", "resume", "start", "--origin-run-id", started["runId"],
        "--run-id-file", connected.home / "resumed",
    )  # fmt: skip
    assert Run(f"TrainFlow/{(connected.home / 'resumed').read_text()}").data.raw == b"a b c"
    assert "no version 'nothing'" in run(
        connected, "train_flow.py", "--data", "dataset://collected/nothing", fails=True
    )


def test_data_is_named_wherever_it_is_asked_for(connected, tmp_path):
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "deep" / "b.bin").write_bytes(bytes(20 << 20))
    (folder / "deep" / "c.txt").write_text("c")
    told = connected.headwater(
        "datasets", "create", "named", folder, "--exclude", "c.txt", "--alias", "prod", "--tag", "k=v", "--name", "one"
    )
    assert told == "dataset://named/1, prod: 2 files, 20.0 MiB.\n"
    out = tmp_path / "out"
    assert connected.headwater("datasets", "get", "named/prod", "-o", out) == f"{out}\n"
    assert sorted(path.name for path in out.rglob("*")) == ["a.txt", "b.bin", "deep"]
    (out / "a.txt").write_text("changed")
    assert datasets.download("dataset://named/one", out) == out
    assert ((out / "a.txt").read_text(), (out / "deep" / "b.bin").stat().st_size) == ("a", 20 << 20)
    assert connected.headwater("datasets", "get", "named/1/a.txt") == "a"
    ident = connected.json("datasets", "show", "named/1")["fileList"][0]["datumId"]
    for name in ("dataset://named/latest/a.txt", f"datum://{ident}"):
        assert connected.headwater("artifacts", "get", name) == "a"
        with artifacts.open(name) as file:
            assert file.read() == "a"
    connected.headwater("datasets", "alias", f"datum://{ident}", "letter")
    assert artifacts.get("datum://letter").read_text() == "a"
    assert datasets.resolve("datum://letter", "dataset://named/prod") == [f"datum://{ident}", "dataset://named/1"]
    assert (artifacts.get("dataset://named/prod/deep") / "b.bin").stat().st_size == 20 << 20

    second = datasets.create_version(
        "named", ["dataset://named/prod", Source({"n": b"n"}, to="more")], exclude=["*.bin"]
    )
    assert [file.path for file in datasets.files(second)] == ["a.txt", "more/n"]
    moved = connected.json("datasets", "alias", "named", "prod", "latest", "--reason", "better")
    assert moved == {"alias": "prod", "version": 2, "previousVersion": 1}
    assert [(each.version, each.reason) for each in datasets.list_moves("named", "prod")] == [(2, "better"), (1, "")]
    assert connected.json("datasets", "tag", "named/2", "x=1") == {"x": "1"}
    shown = connected.headwater("datasets", "show", "named")
    assert "prod → 2" in shown and "dataset://named/1" in shown
    assert "named" in connected.headwater("datasets", "ls")
    connected.headwater("datasets", "delete", "named/1", "--yes")
    with pytest.raises(NotFound, match="no version '1'"):
        datasets.get("named/1")
    assert json.loads(connected.headwater("datasets", "ls", "--json"))
    connected.headwater("datasets", "delete", "named", "--yes")


def test_artifacts_become_data_without_being_sent_again(connected):
    ident = run(connected, "made_flow.py")
    made = datasets.create_version(
        "of-artifacts",
        [f"artifact://{ident}/plot/note", Source(Run(f"MadeFlow/{ident}")["plot"].task["plots"], to="plots")],
    )
    assert [file.path for file in datasets.files(made)] == [
        "note.md", "plots/deep/0.txt", "plots/deep/1.txt", "plots/deep/2.txt",
    ]  # fmt: skip
    task = f"MadeFlow/{ident}/plot/0"
    assert made.sources == (f"artifact://{task}/note", f"artifact://{task}/plots")
    with pytest.raises(ArtifactError, match="is a list, which is no file"):
        datasets.create_version("of-artifacts", f"artifact://{ident}/start/numbers")


def test_what_is_refused_is_named(connected, tmp_path):
    (tmp_path / "link").symlink_to("/etc")
    for sources, error, words in (
        ([], InvalidArgument, "there is none"),
        (tmp_path / "nothing", ArtifactError, "no file or folder"),
        (tmp_path, ArtifactError, "link to a folder"),
        ({"../x": b"x"}, InvalidArgument, "'../x' is not a path"),
        ({"/x": b"x"}, InvalidArgument, "'/x' is not a path"),
        ([{"x": b"1"}, {"x": b"2"}], InvalidArgument, "'x' is there twice"),
        ("https://example.org/x", InvalidArgument, "is nothing that a dataset is made from"),
        ("dataset://nowhere/1", NotFound, "no dataset 'nowhere'"),
    ):
        with pytest.raises(error, match=words):
            datasets.create_version("refused", sources)
    with pytest.raises(InvalidArgument, match="'../x' is not a name"):
        datasets.create_version("../x", {"a": b"a"})
    with pytest.raises(InvalidArgument, match="newest version"):
        datasets.create_version("refused", {"a": b"a"}, aliases=["latest"])
    with pytest.raises(NotFound):
        datasets.get_dataset("refused")
    datasets.create_version("refused", {"a": b"a"}, name="one")
    with pytest.raises(AlreadyExists, match="has a version 'one'"):
        datasets.create_version("refused", {"a": b"b"}, name="one")
    for wrong in (("get", "refused/7"), ("alias", "refused", "x"), ("tag", "refused"), ("create", "refused", "nothing"),
                  ("delete", "refused"), ("adopt", "refused", tmp_path)):  # fmt: skip
        done = connected.run(sys.executable, "-m", "headwater.cli.main", "datasets", *wrong, fails=True)
        assert done.stderr.startswith("Error: ") and "Traceback" not in done.stderr, wrong
