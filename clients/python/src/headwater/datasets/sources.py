"""What a version is made from, as the API takes it: files and folders, artifacts, objects in S3, other versions.

Reads and hashes local files; uploads nothing.
"""

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from headwater.datasets.types import DatasetFile, DatasetVersion, is_reference
from headwater.errors import ArtifactError, InvalidArgument

if TYPE_CHECKING:
    from headwater.client.values import DataArtifact

ARTIFACT, S3 = "artifact://", "s3://"
# What is stored when the server asks for it: a local file, bytes.
Content = Path | bytes
_HASHING = 4


@dataclass(frozen=True)
class Source:
    """One source of a version, with globs of its own.

    of: a local file or folder; "dataset://NAME/VERSION" or a DatasetVersion; "datum://ID"; "artifact://RUN/STEP/NAME"
    or a DataArtifact (a file or folder artifact, text or bytes); "s3://BUCKET/PREFIX", whose objects are recorded and
    not copied; or a mapping of paths in the version to local files or bytes. keep, exclude: globs of paths in the
    source. to: the folder of the version that its files go to.
    """

    of: Any
    keep: Sequence[str] = ()
    exclude: Sequence[str] = ()
    to: str = ""


@dataclass
class Gathered:
    """A source as the API takes it, and the contents of its files by digest."""

    body: dict[str, Any]
    contents: dict[str, Content] = field(default_factory=dict)


def gather(source: Any, keep: Sequence[str], exclude: Sequence[str]) -> Gathered:
    """keep, exclude: of a source without globs of its own. Raises ArtifactError, NotFound, InvalidArgument."""
    given = source if isinstance(source, Source) else Source(source)
    made = _gather(given.of)
    globs = {"keep": _listed(given.keep or keep, "keep"), "exclude": _listed(given.exclude or exclude, "exclude")}
    made.body |= {name: value for name, value in globs.items() if value}
    if given.to:
        made.body["to"] = given.to.strip("/")
    return made


def _listed(globs: Any, name: str) -> list[str]:
    if isinstance(globs, str):
        raise InvalidArgument(f"{name}: {globs!r} is text", field=name, hint=f"a list of globs: {name}=[{globs!r}]")
    return [str(each) for each in globs]


def _gather(of: Any) -> Gathered:
    from headwater.client.values import DataArtifact

    if isinstance(of, (DatasetVersion, DatasetFile)) or is_reference(of):
        return Gathered({"uri": of.uri if isinstance(of, (DatasetVersion, DatasetFile)) else of})
    if isinstance(of, DataArtifact):
        return _artifact(of)
    if isinstance(of, str) and of.startswith(ARTIFACT):
        return _artifact(_find_artifact(of))
    if isinstance(of, str) and of.startswith(S3):
        return _objects(of)
    if isinstance(of, Mapping):
        return _mapping(of)
    if not isinstance(of, (str, os.PathLike)) or "://" in str(of):
        hint = "a path, a mapping of paths to files or bytes, dataset://…, datum://…, artifact://…, s3://…"
        raise InvalidArgument(f"{of!r:.100} is nothing that a dataset is made from", field="sources", hint=hint)
    return _local(Path(of))


def _local(path: Path) -> Gathered:
    if path.is_dir():
        found = {_portable(file.relative_to(path)): file for file in _walk(path)}
        if not found:
            raise ArtifactError(f"folder {os.fspath(path)!r} has no files")
    elif path.is_file():
        found = {_portable(Path(path.name)): path}
    else:
        raise ArtifactError(f"there is no file or folder {os.fspath(path)!r}", hint=f"looked for at {path.absolute()}")
    return _given(found, f"file://{_portable(Path(path.absolute().name))}")


def _walk(folder: Path) -> Iterator[Path]:
    """Its files, in order; those that links lead to too. Raises ArtifactError for links to folders, and devices."""
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in folders:
            if (Path(root) / name).is_symlink():
                raise ArtifactError(f"{Path(root) / name} is a link to a folder", hint="name that folder as a source")
        for name in sorted(names):
            path = Path(root) / name
            try:
                mode = path.stat().st_mode
            except OSError as error:
                raise ArtifactError(f"{path} cannot be read: {error.strerror}") from None
            if not stat.S_ISREG(mode):
                raise ArtifactError(f"{path} is no file", hint="take it out of the folder")
            yield path


def _portable(path: Path) -> str:
    """As a version names it: one spelling of each letter, on every system."""
    text = path.as_posix()
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ArtifactError(f"the name {text!r} is not UTF-8", hint="rename the file") from None
    return unicodedata.normalize("NFC", text)


def _mapping(files: Mapping[Any, Any]) -> Gathered:
    found: dict[str, Content] = {}
    for name, content in files.items():
        found[str(name)] = bytes(content) if isinstance(content, (bytes, bytearray, memoryview)) else Path(content)
    if not found:
        raise InvalidArgument("a mapping without files", field="sources", hint='e.g. {"a.csv": Path("x.csv")}')
    return _given(found, "")


def _given(files: Mapping[str, Content], uri: str) -> Gathered:
    with ThreadPoolExecutor(_HASHING) as threads:
        digests = list(threads.map(_digest, files.values()))
    rows = [{"path": path, "digest": digest} for path, digest in zip(files, digests, strict=True)]
    body: dict[str, Any] = {"files": rows, **({"uri": uri} if uri else {})}
    return Gathered(body, dict(zip(digests, files.values(), strict=True)))


def _digest(content: Content) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    try:
        with content.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ArtifactError(f"{content} cannot be read: {error.strerror}") from None


def _find_artifact(uri: str) -> "DataArtifact":
    """Of artifact://[FLOW/]RUN/STEP[/TASK]/NAME."""
    from headwater.client.runs import Run

    parts = uri.removeprefix(ARTIFACT).split("/")
    hint = "artifact://RUN/STEP/NAME, or artifact://RUN/STEP/TASK/NAME"
    if len(parts) not in (3, 4, 5) or not all(parts):
        raise InvalidArgument(f"{uri!r} names no artifact", field="sources", hint=hint)
    from headwater.client.resources import get_run

    ident = parts[1] if len(parts) == 5 else parts[0]
    step, *task, name = parts[2:] if len(parts) == 5 else parts[1:]
    found = Run(get_run(ident)["runId"])[step]
    tasks = [found[task[0]]] if task else [each for each in found if name in each]
    if len(tasks) != 1:
        problem = "no task" if not tasks else f"{len(tasks)} tasks"
        raise InvalidArgument(f"{uri!r}: {problem} of step {step} has {name!r}", field="sources", hint=hint)
    return tasks[0][name]


def _artifact(artifact: "DataArtifact") -> Gathered:
    """A file or folder artifact, text or bytes. A file is not sent again: the project has its blob."""
    uri = f"{ARTIFACT}{artifact.pathspec}"
    if artifact.encoding == "file" and artifact.has_blob:
        entry = artifact._values.entry(artifact.id)  # pyright: ignore[reportPrivateUsage]
        name = _portable(Path(Path(entry.get("name", "")).name or artifact.id))
        return Gathered({"uri": uri, "files": [{"path": name, "digest": artifact.sha}]})
    value = artifact.data
    if isinstance(value, Path) and value.is_dir():
        return _given({_portable(file.relative_to(value)): file for file in _walk(value)}, uri)
    if isinstance(value, (bytes, bytearray, str)):
        data = value.encode() if isinstance(value, str) else bytes(value)
        return _given({artifact.id: data}, uri)
    raise ArtifactError(
        f"artifact {artifact.pathspec} is a {artifact.type}, which is no file",
        hint="make it one in its step: self.data = File(path) or Folder(path)",
    )


def _objects(uri: str) -> Gathered:
    """Objects that stay where they are."""
    import tempfile

    from headwater.s3 import S3 as Tool

    with Tool(tmproot=tempfile.gettempdir()) as s3:
        found = s3.recorded(uri)
    if not found:
        raise ArtifactError(f"there are no objects below {uri}")
    prefix = urlsplit(uri).path.strip("/")
    skip = f"s3://{urlsplit(uri).netloc}/" + (f"{prefix}/" if prefix else "")
    rows: list[dict[str, Any]] = []
    for url, size, etag, version in found:
        if url.endswith("/"):  # a folder that somebody made by hand
            continue
        path = url.removeprefix(skip) if url.startswith(skip) else url.rpartition("/")[2]
        elsewhere = {"uri": url, "etag": etag, **({"versionId": version} if version else {})}
        rows.append({"path": path, "object": elsewhere, "size": str(size)})
    return Gathered({"uri": uri, "files": rows})


def with_properties(parts: Iterable[Gathered], properties: Mapping[str, Mapping[str, Any]]) -> None:
    """Puts properties on files by their path in the version. Raises InvalidArgument for a path that is not given."""
    left = dict(properties)
    for part in parts:
        front = f"{part.body['to']}/" if part.body.get("to") else ""
        for row in part.body.get("files", ()):
            if (found := left.pop(front + row["path"], None)) is not None:
                row["properties"] = dict(found)
    if left:
        hint = "properties are of files that are given here, by their path in the version"
        raise InvalidArgument(f"properties: no file {next(iter(left))!r}", field="properties", hint=hint)
