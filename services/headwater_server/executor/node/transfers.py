"""Blobs between this node and the object store, by presigned URLs of the artifact service.

Downloads are checked against their digest, uploads by the store. What is under way is never transferred twice.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from headwater_server.executor.node import blobs, parted, wire
from headwater_server.executor.node.blobs import BlobCache, WrongBytes
from headwater_server.executor.node.bulk import LARGE, Bulk
from headwater_server.executor.node.commands import Commands
from headwater_server.executor.node.wire import Place, Plan
from headwater_server.kit.errors import DataLoss, FailedPrecondition, InvalidArgument
from headwater_server.kit.http import HttpClient, Response
from headwater_server.kit.objects import refusal
from headwater_server.kit.telemetry import Tracer

log = structlog.get_logger("worker.transfers")
_KNOWN_FOR = 300.0
_KNOWN_MOST = 20_000
_TRIES = 3


class Transfers:
    def __init__(self, commands: Commands, cache: BlobCache, tracer: Tracer) -> None:
        self._commands, self._cache, self._tracer = commands, cache, tracer
        self._http = HttpClient(limit=16)
        self._bulk = Bulk()
        self._under_way: dict[tuple[str, str], asyncio.Task[Any]] = {}
        self._stored: dict[tuple[str, str], float] = {}  # (run, digest) → when we knew it to be in the store

    async def close(self) -> None:
        self._bulk.close()
        await self._http.close()

    async def get(self, project: str, digest: str, traceparent: str = "") -> Path:
        """The file of a blob, from the cache or from the store. Raises NotFound, DataLoss, Unavailable."""
        if not blobs.is_digest(digest):
            raise InvalidArgument(f"{str(digest)[:80]!r} is no sha256 digest", field="digest")
        found = self._cache.find(digest)
        if found is not None:
            return found
        return await self._once(("get", digest), lambda: self._download(project, digest, traceparent))

    async def put_file(self, project: str, run: str, source: Path, traceparent: str = "") -> str:
        """Stores a file that belongs to somebody else, for a run; returns its digest."""
        copy = self._cache.temporary()
        try:
            digest, size = await asyncio.to_thread(blobs.snapshot, source, copy)
            await self._store(project, run, digest, size, copy, traceparent)
            if self._cache.find(digest) is None:
                self._cache.adopt(copy, digest)
            return digest
        except OSError as error:
            raise InvalidArgument(f"{source} cannot be read: {error.strerror}", field="path") from None
        finally:
            copy.unlink(missing_ok=True)

    async def put_bytes(self, project: str, run: str, data: bytes, traceparent: str = "") -> str:
        """Stores some bytes for a run; returns their digest."""
        source = self._cache.temporary()
        try:
            await asyncio.to_thread(source.write_bytes, data)
            digest = hashlib.sha256(data).hexdigest()
            await self.put_made(project, run, digest, len(data), source, traceparent)
            return digest
        finally:
            source.unlink(missing_ok=True)

    async def put_card(self, request: dict[str, Any], traceparent: str = "") -> None:
        """Tells of a card whose page is stored."""
        await self._commands.call("artifact", "put_card", request, dict, traceparent)

    async def put_made(
        self, project: str, run: str, digest: str, size: int, source: Path, traceparent: str = ""
    ) -> None:
        """Stores a file that the runtime made and gave up; then it is the cache's."""
        if not blobs.is_digest(digest):
            raise InvalidArgument(f"{str(digest)[:80]!r} is no sha256 digest", field="digest")
        uploaded = await self._store(project, run, digest, size, source, traceparent)
        if self._cache.find(digest) is not None:
            return
        # What was uploaded was checked by the store.
        if uploaded or (await asyncio.to_thread(blobs.digest_of, source))[0] == digest:
            self._cache.adopt(source, digest)

    async def _store(self, project: str, run: str, digest: str, size: int, source: Path, traceparent: str) -> bool:
        """A blob that another run has stored is asked for again: it must stay for this one too."""
        known = self._stored.get((run, digest), 0.0)
        if time.monotonic() - known < _KNOWN_FOR and known:
            return False
        uploaded = await self._once(
            ("put", f"{run}/{digest}"), lambda: self._upload(project, run, digest, size, source, traceparent)
        )
        if len(self._stored) > _KNOWN_MOST:
            self._stored.clear()
        self._stored[run, digest] = time.monotonic()
        return uploaded

    async def _once(self, key: tuple[str, str], work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(work())
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    async def _download(self, project: str, digest: str, traceparent: str) -> Path:
        with self._tracer.span("download blob", traceparent, kind="client", attributes={"hw.digest": digest}) as span:
            for attempt in range(1, _TRIES + 1):
                try:
                    return await self._fetch(project, digest, span.traceparent)
                except WrongBytes as error:
                    log.error("blob is damaged", digest=digest, error=str(error))
                    if attempt == _TRIES:
                        raise DataLoss(f"the stored bytes of blob {digest} are not those that were put") from None
        raise AssertionError

    async def _fetch(self, project: str, digest: str, traceparent: str) -> Path:
        body = {"project": project, "digest": digest}
        reply = await self._commands.call("artifact", "get_blob", body, wire.GetBlobReply, traceparent)
        temporary = self._cache.temporary()
        try:
            size = int(reply.blob.size)
            if size >= LARGE:
                response, found = await asyncio.to_thread(self._bulk.get, reply.url, size, temporary)
            else:
                with temporary.open("wb") as sink:
                    response = await self._http.request("GET", reply.url, sink=sink)
                found, _ = await asyncio.to_thread(blobs.digest_of, temporary)
            _check(response, digest)
            if found != digest:
                raise WrongBytes(f"got {found}")
            return self._cache.adopt(temporary, digest)
        finally:
            temporary.unlink(missing_ok=True)

    async def _upload(self, project: str, run: str, digest: str, size: int, source: Path, traceparent: str) -> bool:
        body = {"project": project, "runId": run, "digest": digest, "size": str(size)}
        with self._tracer.span("upload blob", traceparent, kind="client", attributes={"hw.bytes": size}) as span:
            for attempt in range(1, _TRIES + 1):
                request = {**body, "acceptParts": True}
                begun = await self._commands.call(
                    "artifact", "begin_upload", request, wire.BeginReply, span.traceparent
                )
                if begun.exists:
                    return False
                try:
                    if begun.parted is not None:
                        await self._put_parts(begun.parted, body, source, span.traceparent)
                    else:
                        _check(await self._put(begun, size, source), digest)
                    await self._commit(body, begun.parted, span.traceparent)
                    return True
                except FailedPrecondition as error:  # the place was cleared meanwhile: there is another one
                    if error.reason != "NOT_UPLOADED" or attempt == _TRIES:
                        raise
                except DataLoss as error:  # altered on its way
                    if attempt == _TRIES:
                        raise
                    log.warning("upload was damaged", digest=digest, error=str(error))
        raise AssertionError

    async def _put_parts(self, plan: Plan, body: dict[str, Any], source: Path, traceparent: str) -> None:
        about = {"project": body["project"], "digest": body["digest"], "uploadId": plan.upload_id}
        loop = asyncio.get_running_loop()

        def sign(number: int, md5: str) -> Place:
            request = {**about, "parts": [{"number": number, "md5": md5}]}
            asked = self._commands.call("artifact", "sign_parts", request, wire.SignReply, traceparent)
            return asyncio.run_coroutine_threadsafe(asked, loop).result().parts[0]

        await asyncio.to_thread(parted.send, self._bulk, plan, source, sign)

    async def _commit(self, body: dict[str, Any], plan: Plan | None, traceparent: str) -> None:
        """Of parts the service reads all bytes before it says that they are a blob."""
        body = body if plan is None else {**body, "uploadId": plan.upload_id}
        while True:
            reply = await self._commands.call("artifact", "commit_upload", body, wire.CommitReply, traceparent)
            if plan is None or reply.blob is not None:
                return

    async def _put(self, begun: wire.BeginReply, size: int, source: Path) -> Response:
        if size >= LARGE:
            return await asyncio.to_thread(self._bulk.put, begun.url, begun.headers, source)
        return await self._http.request("PUT", begun.url, headers=begun.headers, body=source)


def _check(response: Response, digest: str) -> None:
    if response.status >= 300:
        raise refusal(response, f"blob {digest}")
