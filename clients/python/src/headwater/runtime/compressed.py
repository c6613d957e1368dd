"""The encoding `pickle5+oob+zstd`: docs/formats.md, "Encodings". Large buffers that shrink to a tenth are compressed.

Written and read as a stream, so that neither side needs more memory than the value itself. What does not shrink lies
as it is, at a multiple of 64, and is mapped like that of `pickle5+oob`; of zeros nothing is stored but how many.
"""

import mmap
import pickle
import struct
from collections.abc import Iterator
from typing import Any

from headwater.errors import ArtifactError

ENCODING = "pickle5+oob+zstd"
_MAGIC = b"HWOOBZ\x00\x01"
_ALIGNMENT = 64
# offset, stored length, true length, how it is stored
_SPAN = struct.Struct("<QQQQ")
_PLAIN, _ZSTD, _ZEROS = range(3)
# offset of the spans, how many there are (the last is the pickle), magic
_TAIL = struct.Struct("<QQ8s")
# Below this a buffer is not worth a look.
MIN_SIZE = 256 << 10
_SAMPLES, _SAMPLE = 8, 16 << 10
# A reader on the same node maps what is not compressed, and copies nothing. Only much less to write makes up for that.
_PAYS = 0.1
_CHUNK = 1 << 20
_NOTHING = bytes(_CHUNK)
# From here on memory comes in large pages where the kernel has them: a fault per 2 MiB instead of one per 4 KiB.
_HUGE = 4 << 20


def pays(part: bytes | memoryview) -> bool:
    """Does a part of a value shrink to a tenth? Eight short samples decide."""
    size = memoryview(part).nbytes
    if size < MIN_SIZE:
        return False
    view, step = memoryview(part).cast("B"), (size - _SAMPLE) // (_SAMPLES - 1)
    sample = b"".join(view[at * step : at * step + _SAMPLE] for at in range(_SAMPLES))
    if not any(sample):
        return True
    import zlib

    first = b"".join(sample[at : at + 2048] for at in range(0, len(sample), _SAMPLE))
    if len(zlib.compress(first, 1)) > 0.4 * len(first):  # the common case, without loading zstandard
        return False
    try:
        import zstandard
    except ImportError:
        return False
    return not _others_may_lack_it() and len(zstandard.ZstdCompressor(level=1).compress(sample)) <= _PAYS * len(sample)


def write(data: bytes, buffers: list[memoryview]) -> Iterator[bytes | memoryview]:
    """The stored bytes, piece by piece: buffers, pickle, spans, tail."""
    at = 0
    spans: list[tuple[int, int, int, int]] = []
    for part in [*buffers, memoryview(data)]:
        begin, how = at, _how(part)
        for piece in (part,) if how == _PLAIN else _squeezed(part) if how == _ZSTD else ():
            at += len(piece)
            yield piece
        spans.append((begin, at - begin, part.nbytes, how))
        if padding := -at % _ALIGNMENT:
            at += padding
            yield bytes(padding)
    yield b"".join(_SPAN.pack(*span) for span in spans) + _TAIL.pack(at, len(spans), _MAGIC)


def _how(part: memoryview) -> int:
    if not pays(part):
        return _PLAIN
    if all(bytes(part[at : at + _CHUNK]) == _NOTHING[: part.nbytes - at] for at in range(0, part.nbytes, _CHUNK)):
        return _ZEROS
    try:
        import zstandard  # noqa: F401
    except ImportError:
        return _PLAIN
    return _ZSTD


def _squeezed(part: memoryview) -> Iterator[bytes]:
    import zstandard

    stream = zstandard.ZstdCompressor(level=1, write_checksum=True).compressobj(size=part.nbytes)
    for begin in range(0, part.nbytes, 4 * _CHUNK):
        if piece := stream.compress(part[begin : begin + 4 * _CHUNK]):
            yield piece
    yield stream.flush()


def _others_may_lack_it() -> bool:
    """Steps with packages of their own may run under another Python, for which zstandard is not at hand."""
    from headwater.flow.current import current

    cls = current._values.get("_flow_class")
    options = [getattr(getattr(cls, name, None), "__headwater_step__", None) for name in dir(cls)]
    return any(getattr(each, "packages", None) for each in [getattr(cls, "__headwater_flow__", None), *options])


def read(view: memoryview) -> Any:
    """The value of stored bytes. Raises ValueError, ArtifactError."""
    at, count, magic = _TAIL.unpack_from(view, view.nbytes - _TAIL.size) if view.nbytes >= _TAIL.size else (0, 0, b"")
    if magic != _MAGIC or count < 1 or at + count * _SPAN.size + _TAIL.size != view.nbytes:
        raise ValueError(f"these bytes are not a {ENCODING} value")
    parts = [_part(view, *_SPAN.unpack_from(view, at + index * _SPAN.size)) for index in range(count)]
    return pickle.loads(parts[-1], buffers=parts[:-1])


def _part(view: memoryview, at: int, stored: int, size: int, how: int) -> "memoryview | bytearray | mmap.mmap":
    if at + stored > view.nbytes or how not in (_PLAIN, _ZSTD, _ZEROS):
        raise ValueError(f"these bytes are not a whole {ENCODING} value")
    if how == _PLAIN:
        return view[at : at + stored]
    target = _memory(size)
    if how == _ZSTD:
        _expand(view[at : at + stored], memoryview(target))
    return target


def _memory(size: int) -> "bytearray | mmap.mmap":
    """Zeros that a value may change. Of large ones none is made before it is looked at."""
    if size < _HUGE or not hasattr(mmap, "MAP_PRIVATE"):
        return bytearray(size)
    made = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        made.madvise(mmap.MADV_HUGEPAGE)
    return made


def _expand(stored: memoryview, room: memoryview) -> None:
    try:
        import zstandard
    except ImportError:
        raise ArtifactError(
            "the value is compressed, and this Python has no package zstandard", hint="add zstandard to its packages"
        ) from None
    try:
        with zstandard.ZstdDecompressor().stream_reader(stored) as source:
            while room.nbytes:
                got = source.readinto(room)
                if not got:
                    raise ValueError(f"a compressed buffer ends {room.nbytes} bytes too early")
                room = room[got:]
    except zstandard.ZstdError as error:
        raise ValueError(f"a compressed buffer is damaged: {error}") from None
