"""The spool: what was logged and has not arrived yet, on disk, in the order in which it was logged.

$HEADWATER_HOME/spool/<writer>/ belongs to one process, which holds a lock on it as long as it lives. Records are
appended with a checksum to segments; a segment goes when all of it has arrived. What a dead process left is read again
by the next one. Knows files and records, no server.
"""

import json
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from headwater.client.locate import home

BATCH, REQUEST, UPLOAD = 1, 2, 3
SEGMENT = 8 << 20
# length and crc32 of the payload, kind, sequence
_HEADER = struct.Struct("<IIBQ")
_MOST = 1 << 30
_LOCK, _HEAD, _ACK = "lock", "head.json", "ack"


class Record(NamedTuple):
    kind: int
    sequence: int
    payload: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.payload)


class Position(NamedTuple):
    segment: int
    offset: int


def root() -> Path:
    return home() / "spool"


class Spool:
    """One folder. Made by new(), or by adopt() of what a dead process left. One thread appends, another reads."""

    def __init__(self, folder: Path, lock: int) -> None:
        self.folder, self._lock = folder, lock
        self.writer = folder.name
        self._file = -1
        self._segment = self._offset = 0
        self.read_at = self._acknowledged()
        self._unsynced = False

    @classmethod
    def new(cls, writer: str, head: dict[str, Any]) -> "Spool":
        """Raises OSError."""
        folder = root() / writer
        folder.mkdir(parents=True, mode=0o700)
        lock = _take_lock(folder)
        assert lock is not None
        # Last: a folder without it is not adopted.
        (folder / f"{_HEAD}.new").write_text(json.dumps(head))
        (folder / f"{_HEAD}.new").rename(folder / _HEAD)
        return cls(folder, lock)

    # Appending

    def append(self, kind: int, sequence: int, payload: bytes) -> int:
        """The bytes that it took. What was written survives the end of this process at once, that of the machine after
        sync(). Raises OSError, and then nothing of it is there."""
        if self._file < 0 or self._offset >= SEGMENT:
            self._roll()
        data = _HEADER.pack(len(payload), zlib.crc32(payload), kind, sequence) + payload
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
        except OSError:
            os.ftruncate(self._file, self._offset)
            raise
        self._offset += len(data)
        self._unsynced = True
        return len(data)

    def sync(self) -> None:
        if self._unsynced and self._file >= 0:
            self._unsynced = False
            with suppress(OSError):
                os.fsync(self._file)

    def _roll(self) -> None:
        self.sync()
        segment = self._segment + 1
        file = os.open(self._path(segment), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        if self._file >= 0:
            os.close(self._file)
        self._file, self._segment, self._offset = file, segment, 0

    # Reading

    def records(self, start: Position) -> Iterator[tuple[Record, Position]]:
        """Complete records from a position on, each with the position after it; ends at the last one, or at one that
        was torn."""
        segment, offset = start
        while True:
            segment = segment or min(self.segments(), default=0)
            try:
                with self._path(segment).open("rb") as file:
                    file.seek(offset)
                    while (record := _read(file)) is not None:
                        offset += _HEADER.size + len(record.payload)
                        yield record, Position(segment, offset)
            except FileNotFoundError:
                pass
            following = min((each for each in self.segments() if each > segment), default=0)
            if not following:
                return
            segment, offset = following, 0

    def acknowledge(self, position: Position) -> None:
        """All before it has arrived: it is not read again, and its segments go."""
        self.read_at = position
        with suppress(OSError):
            for segment in self.segments():
                if segment < position.segment:
                    self._path(segment).unlink(missing_ok=True)
            (self.folder / _ACK).write_text(f"{position.segment} {position.offset}")

    def _acknowledged(self) -> Position:
        try:
            segment, offset = (self.folder / _ACK).read_text().split()
            return Position(int(segment), int(offset))
        except (OSError, ValueError):
            return Position(0, 0)

    def segments(self) -> list[int]:
        return sorted(int(path.stem) for path in self.folder.glob("*.log") if path.stem.isdigit())

    def _path(self, segment: int) -> Path:
        return self.folder / f"{segment:08d}.log"

    # Runs that this process has begun and not ended: whoever finds it dead ends them.

    def begin(self, run_id: str) -> None:
        (self.folder / f"{run_id}.run").touch()

    def end(self, run_id: str) -> None:
        (self.folder / f"{run_id}.run").unlink(missing_ok=True)

    def open_runs(self) -> list[str]:
        return [path.stem for path in self.folder.glob("*.run")]

    def last_write(self) -> float:
        """Seconds since the Unix epoch."""
        return max((self._path(segment).stat().st_mtime for segment in self.segments()), default=0.0)

    # Files to be uploaded: copies, so that the caller may go on with theirs.

    def new_file(self, sequence: int) -> Path:
        folder = self.folder / "files"
        folder.mkdir(exist_ok=True)
        return folder / str(sequence)

    # The end

    def close(self) -> None:
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                with suppress(OSError):
                    os.close(descriptor)
        self._file = self._lock = -1

    def remove(self) -> None:
        """Everything in it has arrived."""
        import shutil

        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()


def _read(file: Any) -> Record | None:
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    length, checksum, kind, sequence = _HEADER.unpack(header)
    payload = file.read(length) if length <= _MOST else b""
    return Record(kind, sequence, payload) if len(payload) == length and zlib.crc32(payload) == checksum else None


def _take_lock(folder: Path) -> int | None:
    """None: its process lives."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(descriptor)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _lock(descriptor: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def orphans(wanted: dict[str, Any]) -> Iterator[Spool]:
    """Spools that dead processes left for the same server and project, each locked by us now."""
    with suppress(FileNotFoundError):
        for folder in sorted(root().iterdir()):
            try:
                head = json.loads((folder / _HEAD).read_text())
                if any(head.get(name) != value for name, value in wanted.items()):
                    continue
                lock = _take_lock(folder)
            except (OSError, ValueError):
                continue
            if lock is None:
                continue
            if not (folder / _HEAD).exists():  # another has sent and removed it meanwhile
                os.close(lock)
                continue
            yield Spool(folder, lock)
