"""Blobs on the node's disk, by sha256: read by children with mmap, bounded, the least recently used evicted.

Several agents may share the directory: files appear whole by rename and are never changed. Knows no network.
"""

import asyncio
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import structlog

log = structlog.get_logger("worker.blobs")
_HEX = frozenset("0123456789abcdef")
_CHUNK = 1 << 20
# A child that was told a path opens it well within this time (seconds).
_GRACE = 120.0


class WrongBytes(Exception):
    """Content that does not have the promised digest."""


def is_digest(text: object) -> bool:
    return isinstance(text, str) and len(text) == 64 and set(text) <= _HEX


class BlobCache:
    def __init__(self, root: Path, limit: int) -> None:
        self.root = root
        self._limit = limit
        self._temp = root / "tmp"
        self._numbers = count(1)
        self._size = 0
        self._evicting: asyncio.Future[None] | None = None

    def open(self) -> None:
        """Makes the directory, counts what is there and removes what a dead agent left half-written. Blocks."""
        self._temp.mkdir(parents=True, exist_ok=True)
        stale = time.time() - 86400
        for path in self._temp.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < stale:
                    path.unlink()
        self._size = sum(size for _, size, _ in self._files())

    def path(self, digest: str) -> Path:
        return self.root / digest[:2] / digest

    def find(self, digest: str) -> Path | None:
        """The file of a blob that is here; its use is noted."""
        path = self.path(digest)
        try:
            os.utime(path)
        except OSError:
            return None
        return path

    def temporary(self) -> Path:
        """A new name on the same file system."""
        return self._temp / f"{os.getpid()}-{next(self._numbers)}"

    def adopt(self, source: Path, digest: str) -> Path:
        """Moves a finished file of ours in. Whoever was first wins; the bytes are the same."""
        target = self.path(digest)
        with suppress(OSError):
            source.chmod(0o444)
        target.parent.mkdir(exist_ok=True)
        size = source.stat().st_size
        source.replace(target)
        self._size += size
        if self._size > self._limit and (self._evicting is None or self._evicting.done()):
            self._evicting = asyncio.get_running_loop().run_in_executor(None, self._evict)
        return target

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for folder in self.root.iterdir():
            if len(folder.name) != 2:
                continue
            for entry in os.scandir(folder):
                with suppress(OSError):
                    stat = entry.stat()
                    yield stat.st_mtime, stat.st_size, Path(entry.path)

    def _evict(self) -> None:
        """Down to nine tenths of the limit, but nothing that was used a moment ago."""
        files = sorted(self._files())
        size, aim, recent = sum(f[1] for f in files), self._limit * 0.9, time.time() - _GRACE
        for used, length, path in files:
            if size <= aim or used > recent:
                break
            with suppress(OSError):
                path.unlink()
                size -= length
        self._size = size
        log.info("blob cache trimmed", bytes=size, limit=self._limit)


def digest_of(path: Path) -> tuple[str, int]:
    """sha256 and size of a file. Blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def snapshot(source: Path, target: Path) -> tuple[str, int]:
    """Copies a file that its owner may change meanwhile; returns sha256 and size of the copy. Blocks."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(_CHUNK):
            digest.update(chunk)
            writer.write(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
