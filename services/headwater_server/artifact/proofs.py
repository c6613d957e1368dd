"""Reads what was assembled of parts, and makes it a blob when its sha256 is the promised one.

S3 has no sha256 over several parts, and who sends them is not believed. One process at a time reads an upload, under a
lease; the client asks again until it is done. Dying loses the work, nothing else.
"""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import structlog

from headwater_server.artifact.holders import leaseholder
from headwater_server.artifact.store import Store
from headwater_server.artifact.upload_store import UploadStore
from headwater_server.artifact.verify import hash_object, not_uploaded
from headwater_server.kit.database import CONFLICT, LOST
from headwater_server.kit.errors import DataLoss, ServiceError, Unavailable
from headwater_server.kit.objects import ObjectStore

log = structlog.get_logger("artifact.proofs")
# How long one commit waits for the end (seconds); workers on the bus wait for an answer for five.
WAIT = 3.0
LEASE = timedelta(seconds=10)
RENEW = 3.0
AT_ONCE = 2


class Proofs:
    def __init__(self, store: Store, uploads: UploadStore, objects: ObjectStore) -> None:
        self._store, self._uploads, self._objects = store, uploads, objects
        self._me = uuid.uuid4()
        self._tasks: dict[uuid.UUID, asyncio.Task[None]] = {}
        self._read: dict[uuid.UUID, int] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    def under_way(self, ident: uuid.UUID) -> bool:
        return ident in self._tasks

    async def advance(self, row: Any) -> int | None:
        """Begins the proof or waits for it; None: done, else the number of bytes that have been read. Raises DataLoss
        when they are wrong, Unavailable when they could not be read."""
        ident = row["id"]
        task = self._tasks.get(ident)
        if task is None:
            if not await self._uploads.claim(ident, self._me, LEASE, 0):
                await asyncio.sleep(RENEW / 3)  # another process reads it
                return row["verified"]
            task = self._tasks[ident] = asyncio.create_task(self._prove(row))
            task.add_done_callback(lambda task: self._ended(ident, task))
        await asyncio.wait({task}, timeout=WAIT)
        if not task.done():
            return self._read.get(ident, 0)
        await task
        return None

    def _ended(self, ident: uuid.UUID, task: asyncio.Task[None]) -> None:
        self._tasks.pop(ident, None)
        if not task.cancelled() and (error := task.exception()) is not None:  # who asked may be gone
            log.warning("an upload in parts was not verified", upload=str(ident), error=str(error))

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _prove(self, row: Any) -> None:
        ident = row["id"]
        renewing = asyncio.create_task(self._renew(ident, asyncio.current_task()))
        try:
            async with self._slots:
                await self._measure(row)
        except asyncio.CancelledError:
            raise Unavailable("the upload is verified elsewhere", hint="commit it again") from None
        finally:
            renewing.cancel()
            self._read.pop(ident, None)
            await self._uploads.leave(ident, self._me)

    async def _measure(self, row: Any) -> None:
        ident, digest, key = row["id"], row["digest"], row["key"]

        def told(count: int) -> None:
            self._read[ident] = count

        info = await self._objects.head(key)
        if info is None:
            await self._uploads.end(ident)
            raise not_uploaded(digest)
        found = await hash_object(self._objects, key, info.size, told) if info.size == row["size"] else ""
        if found != digest.hex():
            what = f"the sha256 {found}" if found else f"{info.size} bytes"
            problem = f"the uploaded parts make {what}, not {digest.hex()} of {row['size']} bytes; they were removed"
            await self._uploads.note_problem(ident, problem)
            await self._objects.delete(key)
            raise DataLoss(problem, field="digest", reason="DIGEST_MISMATCH", hint="upload the blob again")
        blob = await self._store.register(row["project"], digest, row["size"], key, leaseholder(self._store.lease))
        if blob is None:  # it was taken for abandoned
            await self._uploads.end(ident)
            raise not_uploaded(digest)
        if blob.key != key:  # it was stored before: this upload was the proof
            await self._objects.delete(key)
        await self._uploads.end(ident)

    async def _renew(self, ident: uuid.UUID, proof: Any) -> None:
        while True:
            await asyncio.sleep(RENEW)
            try:
                if not await self._uploads.claim(ident, self._me, LEASE, self._read.get(ident, 0)):
                    proof.cancel()
                    return
            except (ServiceError, *LOST, *CONFLICT) as error:
                log.warning("the lease of a proof waits", error=str(error))
