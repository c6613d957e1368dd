"""How a value becomes bytes and back: docs/formats.md, "Encodings".

Owns the byte layout. Never talks to a store; hashing and placing are manifest.py's work. Never imports torch.

`pickle5` is a plain pickle of protocol 5. `pickle5+oob` keeps large buffers (arrays, data frames) outside of the
pickle, each at a multiple of 64 bytes, so that a reader maps the file and copies nothing.
"""

import copyreg
import io
import json
import mmap
import pickle
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ALIGNMENT = 64
# A buffer below this is copied into the pickle: a page of padding and bookkeeping would cost more.
MIN_BUFFER = 4096
_MAGIC = b"HWOOB\x00\x00\x01"
_HEAD = struct.Struct("<8sQQ")
_SPAN = struct.Struct("<QQ")


class Unpicklable(Exception):
    """A value that pickle and cloudpickle refuse; `path` leads to the part that is to blame, e.g. ".model[3]"."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason)
        self.path = path
        self.reason = reason


@dataclass(frozen=True)
class Encoded:
    """Bytes of a value, as parts to be written one after the other; `data` and `buffers` are what they were made of."""

    encoding: str
    parts: list[bytes | memoryview]
    size: int
    data: bytes = b""
    buffers: tuple[memoryview, ...] = ()

    def __iter__(self) -> Iterator[bytes | memoryview]:
        return iter(self.parts)

    def join(self) -> bytes:
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], bytes) else b"".join(self.parts)


def encode(value: Any) -> Encoded:
    """Serialises a value. Raises Unpicklable."""
    if isinstance(value, dict) and _has_torch():
        from headwater.runtime import state_dicts

        if (parts := state_dicts.parts(value)) is not None:  # pyright: ignore[reportUnknownArgumentType]
            return Encoded(state_dicts.ENCODING, parts, sum(map(len, parts)))
    buffers: list[pickle.PickleBuffer] = []

    def take(buffer: pickle.PickleBuffer) -> bool:
        try:
            if buffer.raw().nbytes >= MIN_BUFFER:
                buffers.append(buffer)
                return False  # out of band
        except BufferError:
            pass  # not contiguous
        return True

    data = _dumps(value, buffers, take)
    if not buffers:
        return Encoded("pickle5", [data], len(data), data)
    return _lay_out(data, [buffer.raw() for buffer in buffers])


def _has_torch() -> bool:
    """Has somebody imported it? Else no value has to do with it."""
    return hasattr(sys.modules.get("torch"), "UntypedStorage")


def _dumps(value: Any, buffers: list[pickle.PickleBuffer], take: Any) -> bytes:
    reducers: dict[type, Any] = {}
    if _has_torch():
        from headwater.runtime import tensors

        reducers = tensors.reducers()
    try:
        if not reducers:
            return pickle.dumps(value, protocol=5, buffer_callback=take)
        return _written(pickle.Pickler, value, take, {**copyreg.dispatch_table, **reducers})
    except Exception as error:
        first = error.with_traceback(None)  # whose frames would hold the value, in a circle with this one
    buffers.clear()
    try:
        from cloudpickle import CloudPickler
    except ImportError:
        raise Unpicklable(blame(value), f"{first} (cloudpickle, which could help, is not installed)") from first
    try:
        return _written(CloudPickler, value, take, {**CloudPickler.dispatch_table, **reducers})
    except Exception as error:
        raise Unpicklable(blame(value), f"{type(error).__name__}: {error}") from error


def _written(kind: Any, value: Any, take: Any, reducers: dict[type, Any]) -> bytes:
    """A pickle by a pickler of this kind, with these reducers in place of those that its class has."""
    target = io.BytesIO()
    pickler = kind.__new__(kind)
    pickler.dispatch_table = reducers  # which __init__ takes
    pickler.__init__(target, protocol=5, buffer_callback=take)
    pickler.dump(value)
    return target.getvalue()


def _lay_out(data: bytes, raw: list[memoryview]) -> Encoded:
    offset = _aligned(_HEAD.size + _SPAN.size * len(raw) + len(data))
    head = bytearray(_HEAD.pack(_MAGIC, len(data), len(raw)))
    parts: list[bytes | memoryview] = []
    for view in raw:
        head += _SPAN.pack(offset, view.nbytes)
        parts.append(view)
        padding = -view.nbytes % ALIGNMENT
        if padding:
            parts.append(bytes(padding))
        offset += view.nbytes + padding
    head += data
    head += bytes(_aligned(len(head)) - len(head))
    return Encoded("pickle5+oob", [bytes(head), *parts], offset, data, tuple(raw))


def _aligned(size: int) -> int:
    return size + -size % ALIGNMENT


def decode(encoding: str, data: bytes | bytearray | memoryview) -> Any:
    """The value of stored bytes. Arrays share memory with a writable `data`."""
    if encoding == "pickle5":
        return pickle.loads(data)
    if encoding == "json":
        return json.loads(bytes(data))
    if encoding == "pickle5+oob+zstd":
        from headwater.runtime import compressed

        return compressed.read(memoryview(data))
    if encoding == "safetensors":
        from headwater.runtime import state_dicts

        return state_dicts.read(memoryview(data))
    if encoding != "pickle5+oob":
        raise ValueError(f"unknown encoding {encoding!r}; this value was written by a newer Headwater")
    view = memoryview(data)
    magic, length, count = _HEAD.unpack_from(view)
    if magic != _MAGIC:
        raise ValueError("these bytes are not a pickle5+oob value")
    spans = [_SPAN.unpack_from(view, _HEAD.size + _SPAN.size * i) for i in range(count)]
    start = _HEAD.size + _SPAN.size * count
    return pickle.loads(view[start : start + length], buffers=[view[at : at + size] for at, size in spans])


def map_file(path: Path | str, offset: int = 0, size: int = -1) -> memoryview:
    """A private, writable view of a file (or a part of it): changes stay in this process."""
    with open(path, "rb") as file:
        length = file.seek(0, 2)
        if size < 0:
            size = length - offset
        if length < offset + size:
            raise ValueError(f"{path} is cut short: {length} bytes where {offset + size} are needed")
        if size == 0:
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))[offset : offset + size]


def blame(value: Any, depth: int = 6) -> str:
    """Path to the innermost part of a value that cannot be pickled, e.g. ".model.callback" or "['f']"; "": itself."""
    if depth == 0:
        return ""
    for step, part in _parts(value):
        if part is not value and not _picklable(part):
            return step + blame(part, depth - 1)
    return ""


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [(f"[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return [(f"[{index}]", part) for index, part in enumerate(value)]
    attributes = getattr(value, "__dict__", None)
    if isinstance(attributes, dict) and not isinstance(value, type):
        return [(f".{name}", part) for name, part in attributes.items()]
    return []


def _picklable(value: Any) -> bool:
    try:
        import cloudpickle

        cloudpickle.dumps(value)
    except ImportError:
        try:
            pickle.dumps(value, protocol=5)
        except Exception:
            return False
    except Exception:
        return False
    return True
