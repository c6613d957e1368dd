"""The bytes of artifacts on their way through: received to a blob, sent from one; never whole in memory."""

import asyncio
import hashlib
import re
import tempfile
from typing import Any, BinaryIO

from starlette.responses import Response

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater_server.gateway.mlflow.calls import Calls
from headwater_server.gateway.request import HttpError, Request
from headwater_server.kit.errors import InvalidArgument, Unavailable
from headwater_server.kit.http import HttpClient

MAX_SIZE = 5 << 30
_AT_ONCE = 1 << 20
_PIECE = 8 << 20
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "accept-ranges": "bytes",
}


class Spool:
    """What was received: a little in memory, more in a file without a name, that nobody else opens and that goes with
    this process, however it ends."""

    def __init__(self) -> None:
        self.digest, self.size = hashlib.sha256(), 0
        self._waiting = bytearray()
        self._file: BinaryIO | None = None

    async def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        self._waiting += chunk
        if len(self._waiting) >= _AT_ONCE:
            await self._take()

    async def end(self) -> bytes | BinaryIO:
        """The bytes, or the file that has them."""
        if self._file is None:
            self.digest.update(self._waiting)
            return bytes(self._waiting)
        await self._take()
        self._file.flush()
        return self._file

    async def _take(self) -> None:
        waiting, self._waiting = self._waiting, bytearray()
        await asyncio.to_thread(self._store, waiting)

    def _store(self, data: bytearray) -> None:
        self._file = self._file or tempfile.TemporaryFile(prefix="headwater-upload-")  # noqa: SIM115
        self.digest.update(data)
        self._file.write(data)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


async def receive_blob(request: Request, calls: Calls, http: HttpClient, project: str) -> str:
    """Stores the body of a request as a blob; its digest. A body that ends early stores nothing."""
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_SIZE:
        raise _too_large()
    spool = Spool()
    try:
        more = True
        while more:
            message = await request.receive()
            if message["type"] == "http.disconnect":
                raise InvalidArgument("the body ended early", field="body")
            await spool.write(message.get("body", b""))
            if spool.size > MAX_SIZE:
                raise _too_large()
            more = message.get("more_body", False)
        body = await spool.end()
        digest = spool.digest.hexdigest()
        begin = pb.BeginUploadRequest(project=project, digest=digest, size=spool.size)
        place = await calls.as_service(request, "BeginUpload", begin)
        if not place.exists:
            put = await http.request("PUT", place.url, headers=dict(place.headers), body=body)
            if put.status >= 300:
                raise Unavailable(f"the object store answers {put.status} to an upload")
            commit = pb.CommitUploadRequest(project=project, digest=digest, size=spool.size)
            await calls.as_service(request, "CommitUpload", commit)
        return digest
    finally:
        spool.close()


def _too_large() -> HttpError:
    text = f"the body is larger than {MAX_SIZE >> 30} GB, the most that one file may have"
    return HttpError(413, text, {"connection": "close"}, field="body", reason="BODY_SIZE")


def wanted_range(text: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last that a Range header asks for; None: the whole. Raises HttpError 416."""
    found = _RANGE.fullmatch(text.strip())
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(size - int(found[2]), 0), size
    else:
        start, end = int(found[1]), min(int(found[2]) + 1, size) if found[2] else size
    if start >= end:
        raise HttpError(416, f"there are {size} bytes", {"content-range": f"bytes */{size}"}, field="Range")
    return start, end


class BlobResponse(Response):
    """Sends an object, or a range of it, as fast as the client reads it.

    Piece by piece: an S3 server may read far ahead of whom it serves, which costs it ten times the work.
    """

    def __init__(self, http: HttpClient, url: str, size: int, headers: dict[str, str], wanted: str = "") -> None:
        part = wanted_range(wanted, size)
        super().__init__(None, 206 if part else 200)
        self._http, self._url = http, url
        self._start, self._end = part or (0, size)
        told = _HEADERS | headers | {"content-length": str(self._end - self._start)}
        if part:
            told["content-range"] = f"bytes {self._start}-{self._end - 1}/{size}"
        self._told = [(name.encode(), value.encode("latin-1")) for name, value in told.items()]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        gone = asyncio.create_task(_disconnected(receive))
        try:
            begun = False
            for start in range(self._start, self._end, _PIECE):
                end = min(start + _PIECE, self._end)
                async with self._http.stream("GET", self._url, headers={"Range": f"bytes={start}-{end - 1}"}) as piece:
                    if piece.status != 206:
                        raise Unavailable(f"the object store answers {piece.status} for the bytes of an artifact")
                    if not begun:
                        await self._begin(send)
                        begun = True
                    async for chunk in piece.chunks():
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if gone.done():
                    return
            if not begun:
                await self._begin(send)
        finally:
            gone.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def _begin(self, send: Any) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self._told})


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
