"""Experiments as a folder of files, and back: see "The export" of docs/formats.md.

What is read is hostile input: only regular files that the manifest lists, with the size and the digest that it says,
and with names that stay inside of the folder.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeVar

from headwater.errors import InvalidArgument
from headwater.transfer.records import (
    ExperimentRecord,
    FileRecord,
    ModelRecord,
    RunRecord,
    Series,
    Source,
    number_to_json,
    sha256_of,
    to_json,
)

VERSION, KIND = 1, "headwater-export"
MANIFEST, SEAL = "manifest.json", "manifest.sha256"
MOST_FILES = 2_000_000
MOST_MANIFEST = 1 << 30
_ID = re.compile(r"[A-Za-z0-9_\-]{1,100}")
_HEX = re.compile(r"[0-9a-f]{64}")
R = TypeVar("R")


@dataclass(frozen=True)
class Counts:
    experiments: int
    runs: int
    points: int
    files: int


def write(source: Source, folder: Path, say: Callable[[str], None] = lambda text: None) -> Counts:
    """Everything of a source, into a folder that is new or empty; the manifest comes last."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidArgument(f"{folder} is there already", hint="name a new folder, or an empty one")
    folder.mkdir(parents=True, exist_ok=True)
    writer = _Writer(folder)
    for number, experiment in enumerate(source.experiments()):
        root = f"experiments/{number}"
        writer.text(f"{root}/experiment.json", to_json(experiment))
        writer.experiments += 1
        for run in source.runs(experiment):
            writer.run(f"{root}/runs/{_ident(run.run_id)}", run, source)
            say(f"{run.name} ({run.run_id})")
        for model in source.models(experiment):
            place = f"{root}/models/{_ident(model.model_id)}"
            writer.text(f"{place}/model.json", to_json(model))
            writer.artifacts(place, source.files(model))
    writer.finish()
    return Counts(writer.experiments, writer.runs, writer.points, len(writer.listed))


class _Writer:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.listed: list[dict[str, Any]] = []
        self.experiments = self.runs = self.points = 0

    def text(self, path: str, text: str) -> None:
        with self._new(path) as file:
            file.write(text.encode() + b"\n")
        self._list(path)

    def run(self, root: str, run: RunRecord, source: Source) -> None:
        self.text(f"{root}/run.json", to_json(run))
        self.runs += 1
        path = f"{root}/metrics.jsonl"
        with self._new(path) as file:
            for part in source.series(run):
                values = [number_to_json(value) for value in part.values]
                line = {"key": part.key, "steps": part.steps, "times": part.times, "values": values}
                file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
                self.points += len(values)
        self._list(path)
        self.artifacts(root, source.files(run))

    def artifacts(self, root: str, files: Iterator[FileRecord]) -> None:
        for each in files:
            path = f"{root}/artifacts/{check_path(each.path)}"
            with each.open() as data, self._new(path) as file:
                while part := data.read(1 << 20):
                    file.write(part)
            self._list(path)

    def _new(self, path: str) -> IO[bytes]:
        file = self._folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        return file.open("xb")

    def _list(self, path: str) -> None:
        file = self._folder / path
        with file.open("rb") as data:
            self.listed.append({"path": path, "size": file.stat().st_size, "sha256": sha256_of(data)})

    def finish(self) -> None:
        made = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        body = {"kind": KIND, "version": VERSION, "createdAt": made, "files": self.listed}
        data = json.dumps(body, ensure_ascii=False, indent=1).encode()
        (self._folder / SEAL).write_text(hashlib.sha256(data).hexdigest() + "\n")
        (self._folder / MANIFEST).write_bytes(data)


def check_path(path: str) -> str:
    """Raises InvalidArgument where a path could lead out of its folder."""
    parts = path.split("/")
    bad = "\\" in path or any(ord(c) < 32 or ord(c) == 127 for c in path) or len(path.encode(errors="replace")) > 4000
    if not path or bad or any(part in ("", ".", "..") for part in parts) or re.match(r"[A-Za-z]:", path):
        raise InvalidArgument(f"the path {path[:200]!r} is none that an archive may have", hint="do not trust it")
    return path


def _ident(text: str) -> str:
    if not _ID.fullmatch(text):
        raise InvalidArgument(f"{text[:100]!r} is not an id", field="run_id")
    return text


class ArchiveSource:
    """A folder that write() has made. All of it is checked before anything is read. Raises InvalidArgument."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = _verified(folder)
        self._places: dict[str, str] = {}

    def experiments(self) -> Iterator[ExperimentRecord]:
        for path in self._like(r"experiments/(\d+)/experiment\.json"):
            record = self._read(path, ExperimentRecord)
            self._places[record.experiment_id] = str(PurePosixPath(path).parent)
            yield record

    def runs(self, experiment: ExperimentRecord) -> Iterator[RunRecord]:
        for path in self._like(re.escape(self._places[experiment.experiment_id]) + r"/runs/[^/]+/run\.json"):
            record = self._read(path, RunRecord)
            self._places[record.run_id] = str(PurePosixPath(path).parent)
            yield record

    def series(self, run: RunRecord) -> Iterator[Series]:
        path = f"{self._places[run.run_id]}/metrics.jsonl"
        if path not in self._files:
            return
        with (self._folder / path).open("rb") as file:
            for number, line in enumerate(file, 1):
                yield _series(line, f"{path}:{number}")

    def models(self, experiment: ExperimentRecord) -> Iterator[ModelRecord]:
        for path in self._like(re.escape(self._places[experiment.experiment_id]) + r"/models/[^/]+/model\.json"):
            record = self._read(path, ModelRecord)
            self._places[record.model_id] = str(PurePosixPath(path).parent)
            yield record

    def files(self, record: RunRecord | ModelRecord) -> Iterator["ArchivedFile"]:
        ident = record.model_id if isinstance(record, ModelRecord) else record.run_id
        root = f"{self._places[ident]}/artifacts/"
        for path, size in self._files.items():
            if path.startswith(root):
                yield ArchivedFile(self._folder / path, path[len(root) :], size)

    def _like(self, pattern: str) -> list[str]:
        """In the order in which they were written: parents first."""
        return [path for path in self._files if re.fullmatch(pattern, path)]

    def _read(self, path: str, kind: type[R]) -> R:
        try:
            return kind(**_object((self._folder / path).read_bytes()))
        except (TypeError, ValueError) as error:
            raise InvalidArgument(f"{path}: {error}", hint="the archive was not written by `export`") from None


@dataclass(frozen=True)
class ArchivedFile:
    file: Path
    path: str
    size: int

    def open(self) -> IO[bytes]:
        return self.file.open("rb")


def _series(line: bytes, where: str) -> Series:
    try:
        body = _object(line)
        part = Series(
            str(body["key"]), [int(n) for n in body["steps"]], [int(n) for n in body["times"]],
            [float(n) for n in body["values"]],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidArgument(f"{where}: not points of a metric: {error}") from None
    if not len(part.steps) == len(part.times) == len(part.values):
        raise InvalidArgument(f"{where}: the columns differ in length")
    return part


def _object(data: bytes) -> dict[str, Any]:
    body = json.loads(data)
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")
    return body


def _verified(folder: Path) -> dict[str, int]:
    """Files and their sizes, as the manifest says and as they are."""
    manifest, seal = folder / MANIFEST, folder / SEAL
    if manifest.is_symlink() or seal.is_symlink() or not manifest.is_file() or not seal.is_file():
        hint = "it is written by `headwater experiments export`; a folder without it is incomplete"
        raise InvalidArgument(f"{folder} has no {MANIFEST} with its {SEAL}", hint=hint)
    if manifest.stat().st_size > MOST_MANIFEST:
        raise InvalidArgument(f"{manifest} has more than {MOST_MANIFEST >> 20} MiB")
    data = manifest.read_bytes()
    if hashlib.sha256(data).hexdigest() != seal.read_text(errors="replace").strip():
        raise _tampered(MANIFEST, "its digest is another than written")
    listed = _listed(data)
    there = {path for path in _walk(folder) if path not in (MANIFEST, SEAL)}
    for path in sorted(there ^ listed.keys()):
        raise _tampered(path, "the manifest does not list it" if path in there else "it is missing")
    for path, (size, digest) in listed.items():
        file = folder / path
        with file.open("rb") as content:
            if file.stat().st_size != size or sha256_of(content) != digest:
                raise _tampered(path, "its bytes are others than written")
    return {path: size for path, (size, _) in listed.items()}


def _listed(data: bytes) -> dict[str, tuple[int, str]]:
    try:
        body = _object(data)
        if body.get("kind") != KIND or body.get("version") != VERSION:
            text = (
                f"{MANIFEST}: version {body.get('version')!r} of {body.get('kind')!r}, this reads {VERSION} of {KIND!r}"
            )
            raise InvalidArgument(text, hint="update headwater")
        listed: dict[str, tuple[int, str]] = {}
        for each in body["files"]:
            path, size, digest = check_path(each["path"]), each["size"], each["sha256"]
            if path in listed or type(size) is not int or not _HEX.fullmatch(digest):
                raise _tampered(MANIFEST, f"it lists {path!r} in an impossible way")
            listed[path] = size, digest
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _tampered(MANIFEST, f"it is no manifest: {error}") from None
    if len(listed) > MOST_FILES:
        raise _tampered(MANIFEST, f"it lists more than {MOST_FILES:,} files")
    return listed


def _walk(folder: Path) -> Iterator[str]:
    """Paths of all files. Raises InvalidArgument where there is a link, or anything but files and folders."""
    folders = [folder]
    while folders:
        for entry in sorted(folders.pop().iterdir()):
            path = entry.relative_to(folder).as_posix()
            if entry.is_symlink():
                raise _tampered(path, "it is a link")
            if entry.is_dir():
                folders.append(entry)
            elif entry.is_file():
                yield path
            else:
                raise _tampered(path, "it is no regular file")


def _tampered(path: str, what: str) -> InvalidArgument:
    return InvalidArgument(f"the archive was changed: {path}: {what}", hint="nothing was imported; export it again")
