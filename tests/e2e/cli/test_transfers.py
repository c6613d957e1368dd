"""Experiments to files and back: all comes, twice changes nothing, and what was tampered with is refused."""

import hashlib
import json
import math
import os
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
import zstandard

from headwater.client.http import API, connect
from tests.e2e.conftest import Platform

MLFLOW = "/api/2.0/mlflow"
COMMAND = (sys.executable, "-m", "headwater.cli.main")


def mlflow(path: str, **body: Any) -> Any:
    return connect().call("POST", f"{MLFLOW}/{path}", body)


@pytest.fixture(scope="module")
def exported(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, Path]:
    """The name of an experiment, the id of its run with a run below, and an archive of it."""
    os.environ["HEADWATER_HOME"] = str(platform.home)
    name, folder = f"travels-{time.time_ns()}", tmp_path_factory.mktemp("export")
    experiment = mlflow("experiments/create", name=name, tags=[{"key": "team", "value": "crm"}])["experiment_id"]
    run = mlflow("runs/create", experiment_id=experiment, run_name="parent", start_time=1234, user_id="ann")
    run_id = run["run"]["info"]["run_id"]
    values = ["NaN", "Infinity", *(n / 7 for n in range(1500))]
    points = [{"key": "loss", "value": v, "timestamp": n + 1, "step": n} for n, v in enumerate(values)]
    for first in range(0, len(points), 1000):
        mlflow("runs/log-batch", run_id=run_id, metrics=points[first : first + 1000])
    mlflow("runs/log-batch", run_id=run_id, params=[{"key": "lr", "value": "ünï"}], tags=[{"key": "t", "value": "1"}])
    dataset = {"name": "d", "digest": "1", "source_type": "local", "source": "x"}
    mlflow("runs/log-inputs", run_id=run_id, datasets=[{"dataset": dataset, "tags": []}])
    mlflow("runs/update", run_id=run_id, status="FAILED", end_time=5678)
    below = [{"key": "mlflow.parentRunId", "value": run_id}]
    mlflow("runs/create", experiment_id=experiment, run_name="child", start_time=1, tags=below)
    connect().call("PUT", f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/dir/%C3%BC.bin", {"bytes": 1})
    platform.headwater("experiments", "export", name, "--to", folder / "a")
    return name, run_id, folder / "a"


def whole(name: str) -> list[Any]:
    """What an experiment holds, without ids."""
    found: list[Any] = []
    experiment = connect().call("GET", f"{MLFLOW}/experiments/get-by-name", query={"experiment_name": name})
    ident = experiment["experiment"]["experiment_id"]
    for run in mlflow("runs/search", experiment_ids=[ident])["runs"]:
        info, data = run["info"], run["data"]
        query = {"run_id": info["run_id"], "metric_key": "loss"}
        history = connect().call("GET", f"{MLFLOW}/metrics/get-history", query=query).get("metrics", [])
        place = {"path": f"runs/{info['run_id']}/dir"}
        files = connect().call("GET", f"{API}/projects/default/files", query=place).get("files", [])
        kept = {k: v for k, v in info.items() if k in ("run_name", "status", "start_time", "end_time", "user_id")}
        tags = {t["key"]: t["value"] for t in data["tags"] if "parentRun" not in t["key"] and "import" not in t["key"]}
        parent = [t for t in data["tags"] if t["key"] == "mlflow.parentRunId"]
        digests = [(os.path.basename(f["path"]), f["digest"]) for f in files]  # noqa: PTH119
        found.append([kept, data.get("params"), tags, bool(parent), run["inputs"], history, digests])
    return sorted(found, key=lambda each: each[0]["run_name"])


def test_an_experiment_there_and_back(connected: Platform, exported: tuple[str, str, Path]) -> None:
    name, run_id, folder = exported
    packed = folder.with_name("b.tar.zst")
    connected.headwater("experiments", "export", name, "--to", packed)
    again = f"{name}-again"
    first = connected.json("experiments", "import", packed, "--experiment", again)
    assert (first["runs"], first["points"], first["files"]) == (2, 1502, 1)
    assert whole(again) == whole(name)
    assert math.isnan(float(whole(again)[1][5][0]["value"]))
    second = connected.json("runs", "import", folder, "--experiment", again)
    assert (second["runs"], second["runs_there_before"], second["points"], second["files"]) == (0, 2, 0, 0)
    assert whole(again) == whole(name)
    new = connect().call("GET", f"{API}/tracking/runs/{first['run_ids'][run_id]}")["run"]
    assert new["tags"]["headwater.imported_from"] == run_id
    one = folder.with_name("one")
    assert connected.json("runs", "export", run_id[:12], "--to", one)["runs"] == 1
    wrong = connected.run(*COMMAND, "runs", "export", run_id, "--to", one, fails=True)
    assert wrong.returncode == 2 and "there already" in wrong.stderr


def refused(platform: Platform, archive: Path, *words: str) -> None:
    done = platform.run(*COMMAND, "runs", "import", archive, "--experiment", "tampered", fails=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert all(word in done.stderr for word in words), done.stderr


def sealed(folder: Path, change: Any) -> None:
    """The manifest changed, and sealed again."""
    body = json.loads((folder / "manifest.json").read_text())
    change(body)
    data = json.dumps(body).encode()
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.sha256").write_text(hashlib.sha256(data).hexdigest())


def test_what_was_tampered_with_is_refused(
    connected: Platform, exported: tuple[str, str, Path], tmp_path: Path
) -> None:
    _, _, good = exported

    def copy(name: str) -> Path:
        target = tmp_path / name
        for file in good.rglob("*"):
            if file.is_file():
                place = target / file.relative_to(good)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(file.read_bytes())
        return target

    folder = copy("bytes")
    (run,) = [f for f in folder.rglob("run.json") if '"name": "parent"' in f.read_text()]
    run.write_text(run.read_text().replace("parent", "Parent"))
    refused(connected, folder, "run.json", "others than written")
    folder = copy("more")
    (folder / "experiments" / "more").write_text("x")
    refused(connected, folder, "does not list it")
    folder = copy("less")
    next(folder.rglob("metrics.jsonl")).unlink()
    refused(connected, folder, "missing")
    folder = copy("link")
    file = next(folder.rglob("metrics.jsonl"))
    file.unlink()
    file.symlink_to("/etc/passwd")
    refused(connected, folder, "link")
    folder = copy("seal")
    (folder / "manifest.json").write_text("{}")
    refused(connected, folder, "digest")
    for path in ("../../etc/passwd", "/etc/passwd", "a/./b", "a\\b"):
        folder = copy(f"path{len(path)}")
        sealed(folder, lambda body, path=path: body["files"].append({"path": path, "size": 1, "sha256": "0" * 64}))
        refused(connected, folder, "none that an archive may have")
    folder = copy("version")
    sealed(folder, lambda body: body.update(version=2))
    refused(connected, folder, "version 2")
    assert not any(e["name"] == "tampered" for e in connected.json("experiments"))


def test_tars_that_lead_elsewhere(connected: Platform, tmp_path: Path) -> None:
    def tar(name: str, *members: tarfile.TarInfo) -> Path:
        target = tmp_path / f"{name}.tar.zst"
        with (
            target.open("wb") as file,
            zstandard.ZstdCompressor().stream_writer(file) as stream,
            tarfile.open(fileobj=stream, mode="w|") as made,
        ):
            for member in members:
                made.addfile(member)
        return target

    link = tarfile.TarInfo("x")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    refused(connected, tar("link", link), "link")
    refused(connected, tar("up", tarfile.TarInfo("../x")), "none that an archive may have")
    refused(connected, tar("twice", tarfile.TarInfo("x"), tarfile.TarInfo("x")), "twice")
    refused(connected, tar("empty"), "manifest.json")
    (tmp_path / "no.tar.zst").write_text("no archive")
    refused(connected, tmp_path / "no.tar.zst", "no archive")
