"""ListLogs: the archived parts of a run, then what the stream holds beyond them. A page is bounded in bytes too.

A position is [part, block, chunk] in an archive or [-1, sequence] in the stream. Parts never change, so a position
stays good when the run is archived between two pages.
"""

import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from headwater.api.executor.v1 import executor_pb2 as pb
from headwater_server.executor.blocks import Block, unpack_block, unpack_index
from headwater_server.executor.chunks import Wanted, read_chunk
from headwater_server.executor.log_stream import BATCH, LogStream, run_subject
from headwater_server.executor.store import Part, Store
from headwater_server.kit.errors import DataLoss, InvalidArgument, NotFound
from headwater_server.kit.objects import ObjectStore

STREAM = -1
PAGE_BYTES = 2 << 20
# A page that finds little ends after this much.
SCAN_BYTES = 16 << 20

Position = list[int]


class Entry(NamedTuple):
    """A chunk that was looked at, and where to go on after it."""

    after: Position
    size: int
    chunk: pb.LogChunk | None


class Logs:
    def __init__(self, store: Store, stream: LogStream, objects: ObjectStore) -> None:
        self._store, self._stream, self._objects = store, stream, objects

    async def page(
        self, project: str, run: uuid.UUID, wanted: Wanted, position: Position | None, size: int
    ) -> tuple[list[pb.LogChunk], Position | None]:
        """Up to `size` chunks from a position on, and the position after them; None at the end of what there is."""
        chunks: list[pb.LogChunk] = []
        found = scanned = 0
        async for entry in self._entries(project, run, wanted, position or [0, 0, 0], size):
            scanned += entry.size
            if entry.chunk is not None:
                chunks.append(entry.chunk)
                found += entry.size
            if len(chunks) == size or found >= PAGE_BYTES or scanned >= SCAN_BYTES:
                return chunks, entry.after
        return chunks, None

    async def _entries(
        self, project: str, run: uuid.UUID, wanted: Wanted, at: Position, size: int
    ) -> AsyncIterator[Entry]:
        seq = at[1]
        if at[0] != STREAM:
            seq = 1
            for part in await self._store.parts(run):
                seq = part.last_seq + 1
                if part.part >= at[0]:
                    start = (at[1], at[2]) if part.part == at[0] else (0, 0)
                    async for entry in self._archived(part, wanted, *start):
                        yield entry
        # Where every message is wanted, a page needs no more of them than it holds.
        batch = BATCH if wanted.sifts else min(size, BATCH)
        async for stored in self._stream.read(run_subject(project, str(run), wanted), seq, batch):
            yield Entry([STREAM, stored.seq + 1], len(stored.data), _select(wanted, stored.data))

    async def _archived(self, part: Part, wanted: Wanted, block: int, chunk: int) -> AsyncIterator[Entry]:
        index = unpack_index(part.packed_index)
        for number in range(block, len(index.blocks)):
            first = chunk if number == block else 0
            places = [at for at in index.places(index.blocks[number], wanted) if at >= first]
            if not places:
                continue
            lines = await self._block(part, index.blocks[number])
            for at in places:
                yield Entry([part.part, number, at + 1], len(lines[at]), _select(wanted, lines[at]))

    async def _block(self, part: Part, place: Block) -> list[bytes]:
        try:
            return unpack_block(await self._objects.get(part.object, start=place.offset, size=place.size))
        except NotFound:
            text = f"the archived logs {part.object} are gone from the bucket"
            raise DataLoss(text, reason="LOGS_MISSING", hint="restore the object from a backup") from None


def _select(wanted: Wanted, raw: bytes) -> pb.LogChunk | None:
    try:
        return wanted.select(read_chunk(raw))
    except InvalidArgument:
        return None  # the archiver tells of it


def check_position(position: list[Any] | None) -> Position | None:
    """The position in a page token. Raises InvalidArgument."""
    match position:
        case None | [int(), int(), int()] | [-1, int()] if all(-1 <= n < 2**62 for n in position or ()):
            return position
    raise InvalidArgument("page_token: not a token of this list", field="page_token", hint="leave it empty to begin")
