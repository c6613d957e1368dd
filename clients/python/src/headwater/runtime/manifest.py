"""The manifest of a task: which artifacts it leaves behind and where their bytes lie. docs/formats.md is the reference.

Writes new values (inline, into one pack, or as blobs of their own) and carries inherited entries over as they are.
Never uploads: it returns the files that somebody has to.
"""

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.runtime import codec, digests

VERSION = 1
INLINE_MAX = 1024
INLINE_TOTAL = 8 * 1024
PACK_MAX = 256 * 1024
MANIFEST_MAX = 32 * 1024

Entry = dict[str, Any]


@dataclass(frozen=True)
class BlobFile:
    """A file that must become a blob before the manifest that names it is of use."""

    digest: str
    size: int
    path: str


@dataclass
class Manifest:
    """Artifacts of one task by name, the names it assigned itself, and the lists of the open foreach steps."""

    artifacts: dict[str, Entry] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    foreach: dict[str, Entry] = field(default_factory=dict)

    def to_json(self) -> bytes:
        body: dict[str, Any] = {"v": VERSION, "artifacts": self.artifacts, "new": self.new}
        if self.foreach:
            body["foreach"] = self.foreach
        return json.dumps(body, separators=(",", ":"), sort_keys=True).encode()


def parse(data: bytes, get_blob: Callable[[str], Path]) -> Manifest:
    """Reads the result of a task; get_blob(digest) gives the file of a manifest that was too large to travel."""
    if not data:
        return Manifest()
    body = json.loads(data)
    if "manifest" in body:
        body = json.loads(get_blob(body["manifest"]).read_bytes())
    if body.get("v") != VERSION:
        raise ValueError(f"manifest version {body.get('v')!r} is not {VERSION}; update Headwater on this worker")
    return Manifest(body.get("artifacts", {}), body.get("new", []), body.get("foreach", {}))


def read(entry: Entry, get_blob: Callable[[str], Path]) -> memoryview | bytearray:
    """Stored bytes of an entry, in memory that the value may change."""
    if "inline" in entry:
        return bytearray(base64.b64decode(entry["inline"]))
    if "pack" in entry:
        return codec.map_file(get_blob(entry["pack"]), int(entry["offset"]), int(entry["size"]))
    return codec.map_file(get_blob(entry["digest"]), 0, int(entry["size"]))


class Writer:
    """Places new values. Files are created in `directory`, which is made when the first is needed."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._pending: dict[str, tuple[Entry, codec.Encoded]] = {}
        self._placed: dict[str, Entry] = {}  # digest → where in a pack
        self._inline = 0
        self.blobs: list[BlobFile] = []

    def add(self, value: Any) -> Entry:
        """The entry of a value. Complete only after finish(). Raises codec.Unpicklable, OSError."""
        encoded = codec.encode(value)
        entry: Entry = {"type": type_name(value), "encoding": encoded.encoding, "size": encoded.size}
        if encoded.size >= PACK_MAX:
            entry["digest"] = self._write(encoded).digest
            return entry
        digest = digests.small()
        for part in encoded:
            digest.update(part)
        entry["digest"] = digest.hexdigest()
        if encoded.size <= INLINE_MAX and self._inline + encoded.size <= INLINE_TOTAL:
            self._inline += encoded.size
            entry["inline"] = base64.b64encode(encoded.join()).decode()
            return entry
        self._pending.setdefault(entry["digest"], (entry, encoded))
        # The same bytes twice share one place in the pack, so both names share the entry that finish() completes.
        return self._pending[entry["digest"]][0]

    def add_file(self, path: Path, name: str) -> Entry:
        """The entry of a file that a command left behind; it is handed over as it is."""
        digest = digests.large()
        with open(path, "rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
            size = file.tell()
        blob = BlobFile(digest.hexdigest(), size, str(path))
        self.blobs.append(blob)
        return {"type": "file", "encoding": "file", "size": size, "digest": blob.digest, "name": name}

    def add_bytes(self, data: bytes) -> BlobFile:
        """A blob of these bytes."""
        return self._write(codec.Encoded("raw", [data], len(data)))

    def finish(self) -> None:
        """Writes the pack."""
        if not self._pending:
            return
        parts: list[bytes | memoryview] = []
        offset = 0
        for entry, encoded in self._pending.values():
            entry["offset"] = offset
            padding = -encoded.size % codec.ALIGNMENT
            parts += [*encoded, bytes(padding)]
            offset += encoded.size + padding
        blob = self._write(codec.Encoded("pack", parts, offset))
        for digest, (entry, _) in self._pending.items():
            entry["pack"] = blob.digest
            self._placed[digest] = {"pack": blob.digest, "offset": entry["offset"]}
        self._pending.clear()

    def complete(self, entry: Entry) -> None:
        """Tells a copy of an entry, made before finish(), where its bytes are."""
        if "inline" not in entry:
            entry.update(self._placed.get(entry["digest"], {}))

    def _write(self, encoded: codec.Encoded) -> BlobFile:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / str(len(self.blobs))
        digest = digests.large()
        with open(path, "wb", buffering=0) as file:
            for part in encoded:
                digest.update(part)
                _write_all(file.fileno(), part)
        blob = BlobFile(digest.hexdigest(), encoded.size, str(path))
        self.blobs.append(blob)
        return blob


def _write_all(fd: int, part: bytes | memoryview) -> None:
    view = memoryview(part).cast("B")
    while view.nbytes:
        view = view[os.write(fd, view[: 64 << 20]) :]


def seal(manifest: Manifest, writer: Writer) -> bytes:
    """The bytes that travel as the result: the manifest, or a reference to it when it is large."""
    writer.finish()
    for entry in manifest.foreach.values():
        writer.complete(entry)
    data = manifest.to_json()
    if len(data) <= MANIFEST_MAX:
        return data
    blob = writer.add_bytes(data)
    reference = {"v": VERSION, "manifest": blob.digest, "size": blob.size, "count": len(manifest.artifacts)}
    return json.dumps(reference, separators=(",", ":"), sort_keys=True).encode()


def type_name(value: Any) -> str:
    """ "module.qualname" of a value's class; builtins without their module."""
    cls = type(value)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Do two entries stand for the same bytes?"""
    return a["digest"] == b["digest"] and a["encoding"] == b["encoding"]
