"""Files of datasets on this machine: through the node's cache in a task, else by presigned URLs into the cache of this
machine, several at a time and large ones in parts. Objects that lie elsewhere are checked against what was recorded.

Names come from others: what would lead out of the target is refused before anything is written.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path, PurePosixPath

from headwater.datasets import read
from headwater.datasets.types import DATUM, DatasetFile, DatasetVersion, parse_reference
from headwater.errors import ArtifactError, NotFound, ServerError

_THREADS = 8
_BATCH = 200


def download(reference: "str | DatasetVersion", to: "str | os.PathLike[str] | None" = None) -> Path:
    """The files of "dataset://NAME/VERSION[/PATH]", or of one "datum://ID", on this machine.

    to: a folder (of a datum: a file) that they are copied to; files that are there already and equal stay, so a
    download that broke off goes on. None: a read-only folder of the cache, without copies.
    Raises NotFound, DataLoss, ArtifactError; S3ObjectChanged for an adopted object that was overwritten.
    """
    text = str(reference)
    if text.startswith(DATUM):
        found, _ = read.datum(text)
        return _one(found, to)
    asked = parse_reference(reference)
    version = read.get(f"{asked.dataset}/{asked.version}")
    files = read.pages(version, asked.path, urls=not _in_task())
    if asked.path:
        first = next(files)
        if first.path == asked.path:
            return _one(first, to)
        files = _chain(first, files)
    if to is None:
        return _linked(version, asked.path, files)
    target = Path(to)
    if target.exists() and not target.is_dir():
        raise ArtifactError(f"{os.fspath(target)!r} is a file", hint="name a folder")
    for file, where in _places(files, target, asked.path):
        _copy(file, where)
    return target


def local(file: DatasetFile) -> Path:
    """A read-only file with the content, of the cache."""
    return next(iter(_local([file])))[1]


def _chain(first: DatasetFile, rest: Iterator[DatasetFile]) -> Iterator[DatasetFile]:
    yield first
    yield from rest


def _one(file: DatasetFile, to: "str | os.PathLike[str] | None") -> Path:
    if to is None:
        return local(file)
    target = Path(to)
    if target.is_dir():
        target = target / (PurePosixPath(file.path).name or file.digest)
    target.parent.mkdir(parents=True, exist_ok=True)
    _copy(local(file), target)
    return target


def _places(files: Iterable[DatasetFile], target: Path, below: str) -> Iterator[tuple[Path, Path]]:
    """(file of the cache, where it goes), for what is not there already."""
    root = target.resolve()

    def wanted() -> Iterator[tuple[DatasetFile, Path]]:
        for file in files:
            where = root / _inside(file.path, below)
            if not where.parent.resolve().is_relative_to(root):
                raise ArtifactError(f"{where.parent} is a link that leads out of {target}", hint="name another folder")
            if not _is_there(file, where):
                yield file, where

    pending = wanted()
    while batch := list(islice(pending, _BATCH)):
        places = {file.path: where for file, where in batch}
        for file, found in _local([file for file, _ in batch]):
            yield found, places[file.path]


def _inside(path: str, below: str) -> PurePosixPath:
    """The path in the target; of a folder of the version what follows its name."""
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or "\\" in path or "\0" in path:
        raise ArtifactError(f"the dataset has a file {path!r}, which would lie outside of the target")
    return pure.relative_to(below) if below else pure


def _is_there(file: DatasetFile, where: Path) -> bool:
    try:
        if not where.is_file() or where.stat().st_size != file.size or not file.digest:
            return False
        with where.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest() == file.digest
    except OSError:
        return False


def _copy(source: Path, target: Path) -> None:
    """Whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    fd, temporary = tempfile.mkstemp(prefix=f".{target.name[:50]}.", dir=target.parent)
    os.close(fd)
    try:
        shutil.copyfile(source, temporary)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _linked(version: DatasetVersion, path: str, files: Iterable[DatasetFile]) -> Path:
    """A folder of links into the cache, made once."""
    target = _folder() / hashlib.sha256(f"{version.digest}\0{path}".encode()).hexdigest()[:32]
    target.mkdir(parents=True, exist_ok=True)
    pending = iter(files)
    while batch := list(islice(pending, _BATCH)):
        for file, found in _local(batch):
            where = target / _inside(file.path, path)
            where.parent.mkdir(parents=True, exist_ok=True)
            if not where.exists() or where.resolve() != found.resolve():
                link = where.with_name(f".{where.name[:50]}.{os.getpid()}")
                link.unlink(missing_ok=True)
                link.symlink_to(found)
                link.replace(where)
    return target


def _folder() -> Path:
    from headwater.artifacts import blobs

    return (Path(tempfile.gettempdir()) if _in_task() else blobs.cache()) / "datasets"


def _in_task() -> bool:
    from headwater.runtime.channel import active

    return active() is not None


def _local(files: list[DatasetFile]) -> Iterable[tuple[DatasetFile, Path]]:
    """Each file with its read-only copy on this machine."""
    from headwater.runtime.channel import active

    elsewhere = [file for file in files if not file.digest]
    ours = [file for file in files if file.digest]
    channel = active()
    if channel is not None:
        found = list(zip(ours, channel.get_blobs([file.digest for file in ours]), strict=True)) if ours else []
    else:
        with ThreadPoolExecutor(_THREADS) as threads:
            found = list(zip(ours, threads.map(_blob, ours), strict=True))
    if elsewhere:
        found += zip(elsewhere, _objects(elsewhere), strict=True)
    return found


def _blob(file: DatasetFile) -> Path:
    from headwater.artifacts import blobs

    if file.url:
        try:
            return blobs.get_from(file.url, file.digest)
        except (ServerError, ArtifactError):  # the URL has grown old
            pass
    return blobs.get(file.digest)


def _objects(files: list[DatasetFile]) -> list[Path]:
    from headwater.s3 import S3
    from headwater.s3.errors import MetaflowS3NotFound
    from headwater.s3.transfer import Expected

    folder = _folder() / "objects"
    folder.mkdir(parents=True, exist_ok=True)
    with S3(tmproot=tempfile.gettempdir()) as s3, ThreadPoolExecutor(_THREADS) as threads:

        def fetch(file: DatasetFile) -> Path:
            known = f"{file.object_uri}\0{file.etag}\0{file.object_version}\0{file.size}"
            target = folder / hashlib.sha256(known.encode()).hexdigest()
            if target.exists():
                return target
            fd, temporary = tempfile.mkstemp(prefix=".object.", dir=folder)
            os.close(fd)
            try:
                s3.fetch_recorded(file.object_uri, Expected(file.etag, file.size, file.object_version), temporary)
                Path(temporary).chmod(0o444)
                Path(temporary).replace(target)
            except MetaflowS3NotFound:
                text = f"{file.object_uri}, which {file.path!r} is recorded as, is not there any more"
                raise NotFound(text, reason="OBJECT_NOT_FOUND", hint="restore the object, or adopt anew") from None
            finally:
                Path(temporary).unlink(missing_ok=True)
            return target

        return list(threads.map(fetch, files))
