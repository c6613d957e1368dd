"""An archive in one file, a tar compressed by zstandard: packed from a folder, and unpacked into a new one.

Unpacking trusts nothing: regular files and folders with plain names only, nothing twice, no more than the disk holds.
"""

import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import zstandard

from headwater.errors import InvalidArgument
from headwater.transfer.archive import MOST_FILES, check_path

SUFFIX = ".tar.zst"
LEVEL = 3


def is_packed(path: Path) -> bool:
    return path.name.endswith(SUFFIX)


def pack(folder: Path, target: Path) -> None:
    """Raises InvalidArgument where target is there. It appears when it is whole."""
    if target.exists():
        raise InvalidArgument(f"{target} is there already", hint="name a new file")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        with part.open("wb") as file, zstandard.ZstdCompressor(level=LEVEL).stream_writer(file) as stream:
            with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                for path in sorted(folder.rglob("*")):
                    if path.is_file():
                        tar.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=_plain)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o644
    return member


@contextmanager
def unpacked(source: Path) -> Iterator[Path]:
    """A folder with what is in the file, for as long as it is needed. Raises InvalidArgument."""
    folder = Path(tempfile.mkdtemp(prefix="headwater-import-"))
    try:
        try:
            with source.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as stream:
                with tarfile.open(fileobj=stream, mode="r|") as tar:
                    _extract(tar, folder)
        except (tarfile.TarError, zstandard.ZstdError, EOFError) as error:
            hint = "it is written by `headwater experiments export`"
            raise InvalidArgument(f"{source} is no archive: {error}", hint=hint) from None
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    for number, member in enumerate(tar):
        if number >= MOST_FILES:
            raise InvalidArgument(f"the archive holds more than {MOST_FILES:,} files")
        if member.isdir():
            continue
        path = check_path(member.name)
        if not member.isreg():
            raise InvalidArgument(f"the archive was changed: {path}: it is a link or a device")
        if member.size > shutil.disk_usage(folder).free:
            raise InvalidArgument(f"the archive does not fit on the disk of {folder}", hint="set TMPDIR")
        target = folder / path
        data = tar.extractfile(member)
        assert data is not None
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                shutil.copyfileobj(data, file, 1 << 20)
        except (FileExistsError, NotADirectoryError):
            raise InvalidArgument(f"the archive was changed: {path}: it is there twice") from None
