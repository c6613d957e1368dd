"""The manifest of a task: which artifacts it leaves behind and where their bytes lie. docs/formats.md is the reference.

Writes new values (inline, into one pack, or as blobs of their own) and carries inherited entries over as they are.
Never uploads: it returns the files that somebody has to.
"""

import base64
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headwater.runtime import codec, digests

VERSION = 1
INLINE_MAX = 1024
INLINE_TOTAL = 8 * 1024
PACK_MAX = 256 * 1024
MANIFEST_MAX = 32 * 1024
# From here on the hash of what is written is computed beside the writing.
_ASIDE = 8 << 20
_MAPPED_MOST = 16

Entry = dict[str, Any]


@dataclass(frozen=True)
class BlobFile:
    """A file that must become a blob before the manifest that names it is of use."""

    digest: str
    size: int
    path: str


@dataclass
class Manifest:
    """Artifacts of one task by name, the names it assigned itself, and the lists of the open foreach steps; what it has
    read, what tells the items of its own foreach apart, and the datasets that it has read (see reads.py)."""

    artifacts: dict[str, Entry] = field(default_factory=dict)
    new: list[str] = field(default_factory=list)
    foreach: dict[str, Entry] = field(default_factory=dict)
    reads: dict[str, Any] | None = None
    items: list[str] | None = None
    data: list[dict[str, str]] | None = None
    # See uses.py.
    uses: list[dict[str, Any]] | None = None

    def to_json(self) -> bytes:
        body: dict[str, Any] = {"v": VERSION, "artifacts": self.artifacts, "new": self.new}
        if self.foreach:
            body["foreach"] = self.foreach
        if self.reads is not None:
            body["reads"] = self.reads
        if self.items:
            body["items"] = self.items
        if self.data:
            body["data"] = self.data
        if self.uses:
            body["uses"] = self.uses
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
        return _packed(entry["pack"], int(entry["offset"]), int(entry["size"]), get_blob)
    return codec.map_file(get_blob(entry["digest"]), 0, int(entry["size"]))


_mapped: dict[str, memoryview] = {}


def _packed(pack: str, offset: int, size: int, get_blob: Callable[[str], Path]) -> bytearray:
    """A copy of a part of a pack: its artifacts share one mapping, and none sees what another's owner changes."""
    view = _mapped.get(pack)
    if view is None:
        if len(_mapped) >= _MAPPED_MOST:
            _mapped.clear()
        view = _mapped[pack] = codec.map_file(get_blob(pack))
    if view.nbytes < offset + size:
        raise ValueError(f"pack {pack} is cut short: {view.nbytes} bytes where {offset + size} are needed")
    return bytearray(view[offset : offset + size])


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
        if type(value).__module__ != "builtins" and (made := self._add_by_plugin(value)) is not None:
            return made
        encoded = codec.encode(value)
        entry: Entry = {"type": type_name(value), "encoding": encoded.encoding, "size": encoded.size}
        if encoded.size >= PACK_MAX:
            return self._write_apart(entry, encoded)
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

    def _add_by_plugin(self, value: Any) -> Entry | None:
        from headwater.runtime import serializers

        found = serializers.of_value(value)
        if found is None:
            return None
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"value-{len(self.blobs)}"
        try:
            found[1].write(value, path)
            entry = self.add_file(path, "")
        except Exception as error:
            raise codec.Unpicklable("", f"the serializer of {found[0]} failed: {error!r}") from error
        return {**entry, "type": type_name(value), "encoding": serializers.ENCODING, "serializer": found[0]}

    def _write_apart(self, entry: Entry, encoded: codec.Encoded) -> Entry:
        from headwater.runtime import compressed

        parts: Iterable[bytes | memoryview] = encoded
        if any(compressed.pays(part) for part in (encoded.data, *encoded.buffers)):
            entry["encoding"] = compressed.ENCODING
            parts = compressed.write(encoded.data, list(encoded.buffers))
        blob = self._write(parts)
        entry["digest"], entry["size"] = blob.digest, blob.size
        return entry

    def add_file(self, path: Path, name: str) -> Entry:
        """The entry of a file that is handed over as it is, or of a folder."""
        if path.is_dir():
            from headwater.runtime import folders

            blob = self._write(folders.pack(path))
            return {"type": "folder", "encoding": "folder", "size": blob.size, "digest": blob.digest, "name": name}
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
        return self._write([data])

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

    def _write(self, parts: Iterable[bytes | memoryview]) -> BlobFile:
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / str(len(self.blobs))
        digest = digests.large()
        with open(path, "wb", buffering=0) as file:
            for part in parts:
                hashed = _hash(digest, part)
                try:
                    _write_all(file.fileno(), part)
                finally:
                    hashed()
            size = file.tell()
        blob = BlobFile(digest.hexdigest(), size, str(path))
        self.blobs.append(blob)
        return blob


def _hash(digest: Any, part: bytes | memoryview) -> Callable[[], object]:
    """Adds a part to a hash, a large one in a thread; what it returns waits until that is done."""
    if len(part) < _ASIDE:
        digest.update(part)
        return lambda: None
    import _thread

    done = _thread.allocate_lock()
    done.acquire()

    def work() -> None:
        try:
            digest.update(part)
        finally:
            done.release()

    _thread.start_new_thread(work, ())
    return done.acquire


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
