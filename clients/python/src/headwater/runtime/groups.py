"""The items of a long foreach list a second time, in groups: a task reads the group of its item instead of all items.

docs/formats.md, "The groups of a list", is the reference. Owns the layout of that blob; who is given which item is
decided elsewhere.
"""

import pickle
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headwater.runtime import codec

# Of shorter lists all items are read as fast as one group.
SHORTEST = 1024
SIZE = 64
# Items that share much with each other would be written many times over.
_MOST_GROWTH = 2.0
_ALLOWANCE = 64 << 10
_LARGEST = 64 << 20
_HEAD = struct.Struct("<8sQQ")
_OFFSET = struct.Struct("<QQ")
_MAGIC = b"HWGRP\x00\x00\x01"


def write(items: Sequence[Any], size: int) -> bytes | None:
    """The groups of a list whose pickle takes `size` bytes; None where they would not pay."""
    if len(items) < SHORTEST or size > _LARGEST:
        return None
    room = _MOST_GROWTH * size + _ALLOWANCE
    parts: list[bytes] = []
    for at in range(0, len(items), SIZE):
        try:
            encoded = codec.encode(items[at : at + SIZE])
        except codec.Unpicklable:
            return None
        room -= encoded.size
        if room < 0 or encoded.encoding != "pickle5":
            return None
        parts.append(encoded.join())
    offsets = [_HEAD.size + 8 * (len(parts) + 1)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return b"".join([_HEAD.pack(_MAGIC, len(items), SIZE), struct.pack(f"<{len(offsets)}Q", *offsets), *parts])


def read(path: Path, index: int) -> Any:
    """Item `index` of the list. Raises IndexError, and ValueError for a file that is something else."""
    with open(path, "rb", buffering=0) as file:
        head = file.read(_HEAD.size)
        magic, count, size = _HEAD.unpack(head) if len(head) == _HEAD.size else (b"", 0, 0)
        if magic != _MAGIC or not size:
            raise ValueError(f"{path} does not hold the groups of a list")
        if not 0 <= index < count:
            raise IndexError(f"item {index} of a list of {count}")
        file.seek(_HEAD.size + 8 * (index // size))
        begin, end = _OFFSET.unpack(file.read(_OFFSET.size))
        file.seek(begin)
        data = file.read(end - begin)
        if len(data) != end - begin:
            raise ValueError(f"{path} is cut short: {begin + len(data)} bytes where {end} are needed")
        return pickle.loads(data)[index % size]
