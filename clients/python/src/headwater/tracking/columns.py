"""Packed batches in protobuf's own encoding (headwater.api.tracking.v1.PackedBatch), by the standard library alone.

A column of doubles or fixed-width integers is the memory of an array, so thousands of points cost few instructions, and
the SDK needs no protobuf package. Pure.
"""

import sys
from array import array
from collections.abc import Mapping, Sequence

# (key, value, step, milliseconds since the Unix epoch)
Point = tuple[str, float, int, int]
_LENGTH = 2


def request(writer: str, batches: Sequence[bytes]) -> bytes:
    """A LogBatchesRequest of encoded batches."""
    return b"".join((_field(1, writer.encode()), *(_field(2, each) for each in batches)))


def batch(
    run_id: str,
    sequence: int,
    points: Sequence[Point],
    params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> bytes:
    """A PackedBatch. Steps and times are 64-bit integers."""
    parts = [_field(1, run_id.encode()), b"\x10", varint(sequence)]
    if points:
        keys, values, steps, times = zip(*points, strict=True)
        number = {key: at for at, key in enumerate(dict.fromkeys(keys))}
        parts += [_field(3, key.encode()) for key in number]
        parts.append(_field(4, _column("I", [number[key] for key in keys])))
        parts += [
            _field(at, _column(kind, each))
            for at, kind, each in zip((5, 6, 7), "dqq", (values, steps, times), strict=True)
        ]
    for at, texts in ((8, params), (9, tags)):
        for key, value in (texts or {}).items():
            parts.append(_field(at, _field(1, key.encode()) + _field(2, value.encode("utf-8", "replace"))))
    return b"".join(parts)


def _column(kind: str, values: "Sequence[int] | Sequence[float]") -> bytes:
    column = array(kind, values)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def _field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | _LENGTH) + varint(len(content)) + content


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
