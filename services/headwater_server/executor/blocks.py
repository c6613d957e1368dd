"""The archive of a run's logs: one object of blocks, each some chunks as JSON lines, compressed by itself. Pure.

Chunks are sorted by step and task, both in the order of their first chunk, so what one task or one step wrote lies
together and a reader fetches only those blocks. The index says which block holds which tasks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import zstandard

from headwater_server.executor.chunks import Wanted

FULL = 256 * 1024
# A task that begins gets a block of its own when the one before it is no longer small.
ENOUGH = 64 * 1024


class Block(msgspec.Struct, array_like=True):
    """Where a block lies in the object, and the tasks of which it holds chunks: (number of the step, task id)."""

    offset: int
    size: int
    tasks: list[tuple[int, str]]


class Index(msgspec.Struct):
    steps: list[str]
    blocks: list[Block]

    def pack(self) -> bytes:
        return zstandard.compress(msgspec.json.encode(self))

    def holds(self, block: Block, wanted: Wanted) -> bool:
        return any(wanted.task(self.steps[step], task_id) for step, task_id in block.tasks)


_index = msgspec.json.Decoder(Index)


def unpack_index(data: bytes) -> Index:
    return _index.decode(zstandard.decompress(data))


def unpack_block(data: bytes) -> list[bytes]:
    """The chunks of a block, JSON each."""
    return zstandard.decompress(data).split(b"\n")


@dataclass
class BlockWriter:
    """Takes chunks in their final order, gives compressed blocks."""

    index: Index = field(default_factory=lambda: Index([], []))
    _offset: int = 0
    _lines: list[bytes] = field(default_factory=list)
    _size: int = 0
    _tasks: list[tuple[int, str]] = field(default_factory=list)

    def add(self, step: str, task_id: str, chunk: bytes) -> Iterator[bytes]:
        """Adds a chunk (JSON without line feeds); yields the block that it does not fit into any more."""
        if not self.index.steps or self.index.steps[-1] != step:
            self.index.steps.append(step)
        task = (len(self.index.steps) - 1, task_id)
        begins = not self._tasks or self._tasks[-1] != task
        if self._lines and (self._size + len(chunk) > FULL or (begins and self._size >= ENOUGH)):
            yield self._cut()
        if not self._tasks or self._tasks[-1] != task:
            self._tasks.append(task)
        self._lines.append(chunk)
        self._size += len(chunk) + 1

    def finish(self) -> Iterator[bytes]:
        if self._lines:
            yield self._cut()

    def _cut(self) -> bytes:
        data = zstandard.compress(b"\n".join(self._lines))
        self.index.blocks.append(Block(self._offset, len(data), self._tasks))
        self._offset += len(data)
        self._lines, self._tasks, self._size = [], [], 0
        return data
