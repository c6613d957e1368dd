"""DeleteLogs: takes lines out of a run's logs for good, from the archive's objects and from the stream.

What the stream holds is archived first, then purged from it; then each object that holds such lines is written anew
without them. The old object is noted for removal in the same transaction, so none survives a crash.
"""

import asyncio
import contextlib
import hashlib
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec
import structlog

from headwater_server.executor.archiver import LEASE, Archiver, object_key
from headwater_server.executor.blocks import Block, BlockWriter, Index, unpack_block, unpack_index
from headwater_server.executor.chunks import Wanted, one_line, read_chunk
from headwater_server.executor.log_stream import STREAM, run_subject
from headwater_server.executor.store import Part, Store
from headwater_server.kit.bus import Bus
from headwater_server.kit.errors import Aborted, InvalidArgument, ServiceError, Unavailable
from headwater_server.kit.objects import ObjectStore

log = structlog.get_logger("executor.scrub")
TRIES = 5
SWEEP_SECONDS = 60.0


class Scrubber:
    def __init__(self, bus: Bus, store: Store, archiver: Archiver, objects: ObjectStore) -> None:
        self._bus, self._store, self._archiver, self._objects = bus, store, archiver, objects
        self._more = asyncio.Event()

    async def scrub(self, project: str, run: uuid.UUID, wanted: Wanted) -> int:
        """How many lines are gone. Raises Unavailable, Aborted (others change the same logs all the time)."""
        await self._archive(project, run)
        gone = 0
        for part in await self._store.parts(run):
            gone += await self._rewrite(run, part, wanted)
        await self.sweep()
        log.info("logs scrubbed", run=str(run), step=wanted.step, task=wanted.task_id, lines=gone)
        return gone

    def wake(self) -> None:
        """A run was deleted."""
        self._more.set()

    async def run(self) -> None:
        """Removes what deleted runs left in the stream, and objects that a process left behind when it died."""
        while True:
            self._more.clear()
            try:
                await self.sweep()
            except ServiceError as error:
                log.warning("removed objects wait", error=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._more.wait()

    async def sweep(self) -> None:
        for run, project in await self._store.to_purge():
            await self._purge(project, run)
            await self._store.purged(run)
        for key in await self._store.removed_objects():
            await self._objects.delete(key)
            await self._store.forget_object(key)

    async def _archive(self, project: str, run: uuid.UUID) -> None:
        """Moves what the stream holds of the run into the archive."""
        await self._store.look_soon([(run, project)])
        due = await self._store.claim_run(run, LEASE)
        if due is not None:
            await self._archiver.look(due)
        parts = await self._store.parts(run)
        if not parts:
            return
        await self._purge(project, run, seq=max(part.last_seq for part in parts) + 1)

    async def _purge(self, project: str, run: uuid.UUID, **before: int) -> None:
        """Takes the run's messages out of the stream; seq: only those before it."""
        request = {"filter": run_subject(project, str(run)), **before}
        reply = await self._bus.request(f"$JS.API.STREAM.PURGE.{STREAM}", msgspec.json.encode(request))
        answer = msgspec.json.decode(reply.data)
        if "error" in answer:
            raise Unavailable(f"the log stream cannot be purged: {answer['error'].get('description', '')}")

    async def _rewrite(self, run: uuid.UUID, part: Part, wanted: Wanted) -> int:
        """Lines that were taken out of one part."""
        for _ in range(TRIES):
            index = unpack_index(part.packed_index)
            if not any(index.places(block, wanted) for block in index.blocks):
                return 0
            gone = await self._replace(run, part, index, wanted)
            if gone is not None:
                return gone
            part = next(each for each in await self._store.parts(run) if each.part == part.part)
        raise Aborted("others change the logs of this run at the same time", hint="try again")

    async def _replace(self, run: uuid.UUID, part: Part, index: Index, wanted: Wanted) -> int | None:
        folder = Path(tempfile.mkdtemp(prefix="hw-scrub-"))
        try:
            target = folder / "archive"
            with target.open("wb") as file:
                rewriting = _Rewriting(file, index, wanted)
                for block in index.blocks:
                    data = await self._objects.get(part.object, start=block.offset, size=block.size)
                    await asyncio.to_thread(rewriting.take, block, data)
                rewriting.finish()
            if not rewriting.gone:
                return 0
            key = object_key(run, part.part)
            await self._objects.put_file(key, target, sha256=rewriting.digest.hexdigest())
            packed = rewriting.writer.index.pack()
            if await self._store.replace_part(run, part, key, rewriting.size, packed):
                return rewriting.gone
            await self._objects.delete(key)
            return None
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, True)


class _Rewriting:
    """An archive that is written again; chunks stay, empty where need be, so that readers find their place."""

    def __init__(self, file: BinaryIO, index: Index, wanted: Wanted) -> None:
        self._file, self._index, self._wanted = file, index, wanted
        self.writer, self.digest = BlockWriter(), hashlib.sha256()
        self.gone = self.size = 0

    def take(self, block: Block, data: bytes) -> None:
        chunks = iter(unpack_block(data))
        for span in block.spans:
            for _ in range(span.chunks):
                self._put(self.writer.add(self._index.steps[span.step], span.task_id, self._cleaned(next(chunks))))

    def finish(self) -> None:
        self._put(self.writer.finish())

    def _cleaned(self, raw: bytes) -> bytes:
        try:
            chunk = read_chunk(raw)
        except InvalidArgument:
            return raw
        if not self._wanted.chunk(chunk):
            return raw
        left = self._wanted.without(chunk)
        self.gone += len(chunk.lines) - len(left.lines)
        return one_line(msgspec.json.encode(left))

    def _put(self, blocks: Iterator[bytes]) -> None:
        for block in blocks:
            self.digest.update(block)
            self.size += len(block)
            self._file.write(block)
