"""Data of flows on the whole platform: the S3 tool, artifacts on the command line."""

import hashlib
import random
import sys
from pathlib import Path

import pytest

from headwater import S3, Run
from headwater.artifacts import blobs, parted
from headwater.s3.wire import Wire

FLOWS = Path(__file__).parent / "flows"


def run(platform, file, *arguments):
    ident = platform.home / "run-id"
    platform.run(sys.executable, FLOWS / file, "run", "--run-id-file", ident, *arguments)
    return ident.read_text()


def test_s3_of_a_run_needs_no_credentials(connected, tmp_path):
    found = Run(f"S3Flow/{run(connected, 's3_flow.py')}")
    data = found.data
    assert sorted(data.found) == sorted(["big", "notes/one.txt", *(f"many/{number}" for number in range(20))])
    assert (data.text, data.again, data.size) == ("one", "one", 20 << 20)
    with S3(run=found, tmproot=str(tmp_path)) as s3:
        note = s3.get("notes/one.txt")
        assert (note.text, note.metadata, note.url) == ("one", {"by": "start"}, data.url)
        assert len(s3.get_recursive(["many/"])) == 20


def test_files_folders_and_what_was_made_from_what(connected, tmp_path):
    platform, ident = connected, run(connected, "made_flow.py")
    data = Run(f"MadeFlow/{ident}").data
    assert (data.found, data.said) == (["0.txt", "1.txt", "2.txt"], "hi")
    rows = {row["name"]: row for row in platform.json("artifacts", "ls", f"{ident}/end")}
    assert (rows["plots"]["encoding"], rows["note"]["encoding"]) == ("folder", "file")

    platform.headwater("artifacts", "get", f"{ident}/end", "plots", "-o", tmp_path / "plots")
    assert (tmp_path / "plots" / "deep" / "1.txt").read_text() == "plot 1"
    platform.headwater("artifacts", "get", f"{ident}/end", "plots", "--only", "deep/2.txt", "-o", tmp_path / "2")
    assert (tmp_path / "2").read_text() == "plot 2"

    up = platform.json("artifacts", "lineage", f"{ident}/end", "found")
    found = {each["name"]: each for each in up["from"]}
    assert (up["task"], set(found)) == ("end/0", {"shelled", "plots"})
    plots = found["plots"]
    assert (plots["task"], [each["name"] for each in plots["from"]]) == ("plot/0", ["numbers"])
    assert plots["from"][0]["parameters"] == {"size": 3}
    down = platform.json("artifacts", "lineage", "--down", f"{ident}/start", "numbers")
    assert {each["name"] for each in down["to"]} == {"plots", "note"}
    assert "└─ " in platform.headwater("artifacts", "lineage", f"{ident}/end", "found")

    second = run(connected, "made_flow.py", "--size", "2")
    told = platform.run(
        sys.executable, "-m", "headwater.cli.main", "artifacts", "diff", f"{ident}/end", f"{second}/end", fails=True
    ).stdout
    assert "numbers" in told and "changed" in told and "other" not in told
    assert "All artifacts are equal" in platform.headwater("artifacts", "diff", f"{ident}/end", f"{ident}/end")


def test_a_large_file_goes_on_where_its_upload_broke_off(connected, tmp_path, monkeypatch):
    body = random.Random(3).randbytes(140 << 20)
    digest = hashlib.sha256(body).hexdigest()
    (tmp_path / "big").write_bytes(body)
    sent, real = [], Wire.send

    def send(self, method, *more):
        if len(sent) == 2 and method == "PUT":
            raise KeyboardInterrupt
        sent.append(method)
        return real(self, method, *more)

    monkeypatch.setattr(parted, "_AT_ONCE", 1)
    monkeypatch.setattr(Wire, "send", send)
    with pytest.raises(KeyboardInterrupt):
        blobs.put(tmp_path / "big")
    doctor = (sys.executable, "-m", "headwater.cli.main", "doctor", "artifacts", "--grace", "0")
    report = connected.run(*doctor, fails=True).stdout
    assert "unfinished" in report and digest[:12] in report and "2 parts are here" in report
    sent.clear()
    monkeypatch.setattr(parted, "_AT_ONCE", 4)
    monkeypatch.setattr(Wire, "send", lambda self, *more: sent.append(more[0]) or real(self, *more))
    assert blobs.put(body) == digest  # by another client, from memory
    assert sent == ["PUT"] * 7
    assert blobs.put(tmp_path / "big") == digest and len(sent) == 7
    assert blobs.get(digest).read_bytes() == body


def test_files_of_a_project(connected, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "a.txt").write_text("a")
    (tmp_path / "in" / "deep" / "b.bin").write_bytes(bytes(5 << 20))
    stored = connected.json("artifacts", "put", tmp_path / "in", "data/set")
    assert [file["path"] for file in stored] == ["data/set/a.txt", "data/set/deep/b.bin"]
    assert connected.headwater("artifacts", "get", "files:data/set/a.txt") == "a"
    connected.headwater("artifacts", "get", "files:data/set", "-o", tmp_path / "out")
    assert (tmp_path / "out" / "deep" / "b.bin").read_bytes() == bytes(5 << 20)
    listed = connected.headwater("artifacts", "ls", "files:data/set")
    assert "data/set/deep/" in listed and "data/set/a.txt" in listed
    for wrong in (("get", "files:nothing"), ("put", tmp_path / "in", "../x"), ("get", "latest/start")):
        connected.run(sys.executable, "-m", "headwater.cli.main", "artifacts", *wrong, fails=True)
