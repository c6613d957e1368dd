"""The archive of a run's logs: one object of blocks, each some chunks as JSON lines, compressed by itself. Pure.

Chunks are sorted by step and task, both in the order of their first chunk, so what one task or one step wrote lies
together and a reader fetches only those blocks. The index says which block holds which tasks.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec
import zstandard

from headwater_server.executor.chunks import Wanted

FULL = 256 * 1024
# A task that begins gets a block of its own when the one before it is no longer small.
ENOUGH = 64 * 1024


class Span(msgspec.Struct, array_like=True):
    """Chunks of one task that follow each other in a block; step is a number in the index."""

    step: int
    task_id: str
    chunks: int


class Block(msgspec.Struct, array_like=True):
    """Where a block lies in the object, and whose chunks it holds, in order."""

    offset: int
    size: int
    spans: list[Span]


class Index(msgspec.Struct):
    steps: list[str]
    blocks: list[Block]

    def pack(self) -> bytes:
        return zstandard.compress(msgspec.json.encode(self))

    def places(self, block: Block, wanted: Wanted) -> list[int]:
        """The numbers of the wanted chunks in a block."""
        steps = {number for number, step in enumerate(self.steps) if wanted.step in ("", step)}
        found: list[int] = []
        at = 0
        for span in block.spans:
            if span.step in steps and wanted.task_id in ("", span.task_id):
                found += range(at, at + span.chunks)
            at += span.chunks
        return found


_index = msgspec.json.Decoder(Index)


@lru_cache(32)
def unpack_index(data: bytes) -> Index:
    """Remembered, for a reader goes page by page: not to be changed."""
    return _index.decode(zstandard.decompress(data))


def unpack_block(data: bytes) -> list[bytes]:
    """The chunks of a block, JSON each."""
    return zstandard.decompress(data).split(b"\n")[:-1]


@dataclass
class BlockWriter:
    """Takes chunks in their final order, gives compressed blocks."""

    index: Index = field(default_factory=lambda: Index([], []))
    _offset: int = 0
    _lines: list[bytes] = field(default_factory=list)
    _size: int = 0
    _spans: list[Span] = field(default_factory=list)
    _task: tuple[str, str] | None = None

    def add(self, step: str, task_id: str, chunk: bytes) -> Iterator[bytes]:
        """Adds a chunk (JSON without line feeds); yields the block that it does not fit into any more."""
        if not self.index.steps or self.index.steps[-1] != step:
            self.index.steps.append(step)
        begins = self._task != (step, task_id)
        if self._lines and (self._size + len(chunk) > FULL or (begins and self._size >= ENOUGH)):
            yield self._cut()
        if begins or not self._spans:
            self._spans.append(Span(len(self.index.steps) - 1, task_id, 0))
            self._task = (step, task_id)
        self._spans[-1].chunks += 1
        self._lines.append(chunk)
        self._size += len(chunk) + 1

    def finish(self) -> Iterator[bytes]:
        if self._lines:
            yield self._cut()

    def _cut(self) -> bytes:
        data = zstandard.compress(b"".join(line + b"\n" for line in self._lines))
        self.index.blocks.append(Block(self._offset, len(data), self._spans))
        self._offset += len(data)
        self._lines, self._spans, self._size = [], [], 0
        return data
