"""Moves the logs of runs that are over from the stream into objects of the bucket, each chunk once.

A run is looked at soon after its end and again later, in ever longer pauses: what a killed worker's machine sends late
becomes a further part. A part counts when its row is there; an object without a row is nobody's.
"""

import asyncio
import hashlib
import shutil
import tempfile
import uuid
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

from headwater_server.executor.blocks import BlockWriter, Index
from headwater_server.executor.chunks import one_line, read_chunk
from headwater_server.executor.log_stream import LogStream, run_subject
from headwater_server.executor.store import Due, Store
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.ids import uuid7
from headwater_server.kit.objects import ObjectStore

log = structlog.get_logger("executor.archive")
# Pauses between looks, in units of the first. With 1 s: 1 s, 30 s, 10 min, 6 h and 5 days; the stream keeps 7 days.
PAUSES = (1.0, 30.0, 600.0, 21_600.0, 432_000.0)
LEASE = 300.0
IDLE = 30.0


@dataclass(frozen=True)
class Packed:
    """An archive on disk."""

    size: int
    sha256: str
    index: Index


class Spool:
    """Chunks as they came, in a file, and where those of each task are."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._end = 0
        self.chunks = 0
        self.last_seq = 0
        # step → task → offsets and sizes; both in the order of their first chunk.
        self._places: dict[str, dict[str, array[int]]] = {}

    def add(self, seq: int, raw: bytes) -> None:
        chunk = read_chunk(raw)
        data = one_line(raw)
        self._file.write(data)
        places = self._places.setdefault(chunk.key.step, {}).setdefault(chunk.task_id, array("Q"))
        places.extend((self._end, len(data)))
        self._end += len(data)
        self.chunks += 1

    def pack(self, target: Path) -> Packed:
        """Writes the archive, sorted by step and task."""
        writer, digest = BlockWriter(), hashlib.sha256()
        with target.open("wb") as out:

            def put(block: bytes) -> None:
                digest.update(block)
                out.write(block)

            for step, tasks in self._places.items():
                for task_id, places in tasks.items():
                    for at in range(0, len(places), 2):
                        self._file.seek(places[at])
                        for block in writer.add(step, task_id, self._file.read(places[at + 1])):
                            put(block)
            for block in writer.finish():
                put(block)
            return Packed(out.tell(), digest.hexdigest(), writer.index)


class Archiver:
    def __init__(self, store: Store, stream: LogStream, objects: ObjectStore, first: float) -> None:
        self._store, self._stream, self._objects = store, stream, objects
        self._pauses = [first * pause for pause in PAUSES]
        self._changed = asyncio.Event()

    @property
    def first_pause(self) -> float:
        return self._pauses[0]

    def wake(self) -> None:
        """A run may have become due earlier than was known."""
        self._changed.set()

    async def run(self) -> None:
        """Looks at what is due, then sleeps until something is."""
        while True:
            self._changed.clear()
            while due := await self._store.claim_due(LEASE):
                await self.look(due)
            pause = await self._store.seconds_to_next()
            try:
                async with asyncio.timeout(IDLE if pause is None else min(max(pause, 0.01), IDLE)):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def look(self, due: Due) -> None:
        """Archives what is new in the stream and plans the next look."""
        folder = Path(tempfile.mkdtemp(prefix="hw-logs-"))
        try:
            with (folder / "spool").open("w+b") as file:
                spool = Spool(file)
                await self._fill(spool, due)
                if spool.chunks:
                    await self._store_part(spool, due, folder / "archive")
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, True)
        if due.checks + 1 < len(self._pauses):
            await self._store.look_again(due, self._pauses[due.checks + 1])
        else:
            await self._store.looked_last(due)

    async def _fill(self, spool: Spool, due: Due) -> None:
        async for stored in self._stream.read(run_subject(due.project, str(due.run_id)), due.last_seq + 1):
            spool.last_seq = stored.seq
            try:
                spool.add(stored.seq, stored.data)
            except InvalidArgument as error:
                log.warning("message is no log chunk", subject=stored.subject, seq=stored.seq, error=str(error))

    async def _store_part(self, spool: Spool, due: Due, target: Path) -> None:
        packed = await asyncio.to_thread(spool.pack, target)
        key = object_key(due.run_id, due.parts)
        await self._objects.put_file(key, target, sha256=packed.sha256)
        if await self._store.add_part(due, key, packed.size, spool.chunks, spool.last_seq, packed.index.pack()):
            log.info("logs archived", run=str(due.run_id), part=due.parts, chunks=spool.chunks, bytes=packed.size)
        else:
            await self._objects.delete(key)


def object_key(run: uuid.UUID, part: int) -> str:
    """A new key each time: two processes that archive the same never write over each other."""
    return f"runs/{run}/{part:04}-{uuid7()}.jsonl.zst"
