"""A folder as one blob: docs/formats.md, "Folders". Written and read as a stream; any file of it is a range of bytes.

Names come from others: what would lead out of the target is refused before anything is written.
"""

import json
import os
import stat
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from headwater.errors import ArtifactError, DataLoss

ENCODING = "folder"
_MAGIC = b"HWDIR\x00\x00\x01"
# offset and length of the index, magic
_TAIL = struct.Struct("<QQ8s")
_ALIGNMENT = 64
_CHUNK = 1 << 20
MOST = 1_000_000


class Item(NamedTuple):
    """A file, or with `path` ending in "/" an empty folder."""

    path: str
    size: int = 0
    offset: int = 0
    executable: bool = False


def pack(root: Path) -> Iterator[bytes]:
    """The bytes of a folder, equal for equal files. Raises ArtifactError for links to folders and devices, OSError."""
    index: list[Item] = []
    at = 0
    waiting = bytearray()  # small files leave together
    for item, path in _walk(root):
        if item.path.endswith("/"):
            index.append(item)
            continue
        begin = at
        with path.open("rb", buffering=0) as file:
            while chunk := file.read(_CHUNK):
                at += len(chunk)
                waiting += chunk
                if len(waiting) >= _CHUNK:
                    yield bytes(waiting)
                    waiting.clear()
        index.append(item._replace(size=at - begin, offset=begin))
        waiting += bytes(-at % _ALIGNMENT)
        at += -at % _ALIGNMENT
    body = json.dumps([_row(item) for item in index], separators=(",", ":")).encode()
    yield bytes(waiting) + body + _TAIL.pack(at, len(body), _MAGIC)


def _walk(root: Path) -> Iterator[tuple[Item, Path]]:
    count = 0
    for folder, folders, files in os.walk(root):
        folders.sort()
        relative = os.path.relpath(folder, root)
        front = "" if relative == "." else f"{relative}/"
        if front and not folders and not files:
            yield Item(front), Path(folder)
        for name in folders:
            if os.path.islink(os.path.join(folder, name)):
                raise ArtifactError(f"{front}{name} in folder {root} links to a folder", hint="copy what it links to")
        for name in sorted(files):
            count += 1
            if count > MOST:
                raise ArtifactError(f"folder {root} has more than {MOST} files", hint="make an archive of it")
            path = Path(folder, name)
            found = path.stat()
            if not stat.S_ISREG(found.st_mode):
                raise ArtifactError(f"{front}{name} in folder {root} is neither a file nor a folder")
            yield Item(f"{front}{name}", executable=bool(found.st_mode & 0o100)), path


def _row(item: Item) -> dict[str, Any]:
    row: dict[str, Any] = {"path": item.path, "size": item.size, "offset": item.offset}
    return {**row, "executable": True} if item.executable else row


def listing(blob: Path) -> list[Item]:
    """What is in a folder. Raises DataLoss when the blob is none, ArtifactError for names that lead out of it."""
    with blob.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        try:
            file.seek(max(0, size - _TAIL.size))
            at, length, magic = _TAIL.unpack(file.read())
            if magic != _MAGIC or at + length + _TAIL.size != size:
                raise ValueError("it is cut short or something else")
            file.seek(at)
            rows = json.loads(file.read(length))
            items = [
                Item(str(row["path"]), int(row["size"]), int(row["offset"]), bool(row.get("executable")))
                for row in rows
            ]
            if any(item.size < 0 or item.offset < 0 or item.offset + item.size > at for item in items):
                raise ValueError("its index leads out of it")
        except (struct.error, ValueError, KeyError, TypeError) as error:
            raise DataLoss(f"blob {blob.name} is no folder: {error}") from None
    for item in items:
        _check(item.path)
    return items


def _check(path: str) -> None:
    parts = path.removesuffix("/").split("/")
    if not path or "\0" in path or "\\" in path or any(part in ("", ".", "..") for part in parts):
        raise ArtifactError(f"the folder holds the name {path!r}, which leads out of it")


def unpack(blob: Path, target: Path, only: str = "") -> None:
    """Makes the folder `target`, or what of it lies at or below `only`; whole or not at all. Its files are read-only.

    Raises what listing() raises, ArtifactError when there is no `only`, FileExistsError, OSError.
    """
    import shutil
    import tempfile

    wanted = [each for each in listing(blob) if not only or f"{each.path}/".startswith(f"{only.rstrip('/')}/")]
    if only and not wanted:
        raise ArtifactError(f"the folder has no {only!r}")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".folder.", dir=target.parent))
    try:
        _fill(blob, temporary, wanted)
        temporary.chmod(0o755)
        temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _fill(blob: Path, root: Path, items: list[Item]) -> None:
    made: set[str] = set()
    with blob.open("rb", buffering=0) as source:
        for item in items:
            folder = item.path.rpartition("/")[0]
            if folder and folder not in made:
                (root / folder).mkdir(parents=True, exist_ok=True)
                made.add(folder)
            if item.path.endswith("/"):
                continue
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            fd = os.open(root / item.path, flags, 0o555 if item.executable else 0o444)
            with open(fd, "wb", buffering=0) as file:
                source.seek(item.offset)
                _copy(source, file, item)


def _copy(source: Any, file: Any, item: Item) -> None:
    left = item.size
    while left:
        chunk = source.read(min(_CHUNK, left))
        if not chunk:
            raise DataLoss(f"the folder ends in the middle of {item.path}")
        left -= len(chunk)
        view = memoryview(chunk)
        while view.nbytes:
            view = view[file.write(view) :]
