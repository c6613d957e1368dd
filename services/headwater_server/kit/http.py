"""A small HTTP/1.1 client on asyncio streams: kept connections, TCP_NODELAY, bodies from and to files.

For presigned URLs and the like; follows no redirects, speaks no proxies. Imports nothing heavy.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from headwater_server.kit.errors import DeadlineExceeded, Unavailable

_CHUNK = 1 << 20
_FULL = (b"quotaexceeded", b"quota exceeded", b"no space", b"disk full", b"storagefull", b"disk_full")
_RETRIED = {500, 502, 503, 504}


@dataclass
class Response:
    status: int
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Streamed:
    """The head of an answer, and its body while it comes."""

    status: int
    headers: dict[str, str]
    _body: AsyncIterator[bytes]
    ended: bool = False

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self._body:
            yield chunk
        self.ended = True


@dataclass
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@dataclass
class HttpClient:
    """Keeps idle connections per host. `timeout` (seconds) bounds each wait for the peer, not the whole transfer."""

    timeout: float = 30.0
    limit: int = 32
    tls: ssl.SSLContext | None = None
    _idle: dict[tuple[str, str, int], list[_Connection]] = field(default_factory=dict)
    _slots: asyncio.Semaphore | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | Path | BinaryIO = b"",
        sink: BinaryIO | None = None,
        tries: int = 4,
    ) -> Response:
        """One request, again on a broken connection or a 5xx answer, with pauses of 0.1, 0.3, 0.9 s.

        sink receives the body of a 2xx answer instead of Response.body; it is rewound before another try.
        Raises Unavailable or DeadlineExceeded.
        """
        error: Exception = Unavailable(f"{method} {urlsplit(url).netloc} failed")
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(0.1 * 3 ** (attempt - 1))
            if sink is not None:
                sink.seek(0)
                sink.truncate()
            try:
                response = await self._once(method, url, headers or {}, body, sink)
            except TimeoutError:
                error = DeadlineExceeded(f"{urlsplit(url).netloc} was silent for {self.timeout:g} s")
            except (OSError, EOFError, asyncio.IncompleteReadError, ValueError) as broken:
                error = Unavailable(f"{urlsplit(url).netloc} does not answer: {broken or type(broken).__name__}")
            else:
                if response.status not in _RETRIED or is_full(response) or attempt == tries - 1:
                    return response
                error = Unavailable(f"{urlsplit(url).netloc} answers {response.status}")
        raise error

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, *, headers: dict[str, str] | None = None
    ) -> "AsyncIterator[Streamed]":
        """One request whose answer is read bit by bit; a body that is not read to its end costs the connection.
        Raises Unavailable or DeadlineExceeded."""
        self._slots = self._slots or asyncio.Semaphore(self.limit)
        parts = urlsplit(url)
        key = (parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        async with self._slots:
            connection, response = await self._open(key, method, target, parts.netloc, headers or {})
            told = response.headers
            known_end = "content-length" in told or told.get("transfer-encoding", "").lower() == "chunked"
            streamed = Streamed(response.status, told, self._body(connection.reader, told))
            try:
                yield streamed
            finally:
                if streamed.ended and known_end and told.get("connection", "").lower() != "close":
                    self._idle.setdefault(key, []).append(connection)
                else:
                    connection.writer.close()

    async def _open(
        self, key: tuple[str, str, int], method: str, target: str, host: str, headers: dict[str, str]
    ) -> tuple[_Connection, Response]:
        """Sends a request without a body and reads the head of the answer."""
        fresh = False
        for new in (False, True):
            try:
                connection, fresh = await self._connect(key, new)
                try:
                    connection.writer.write(_head(method, target, host, headers, 0))
                    await asyncio.wait_for(connection.writer.drain(), self.timeout)
                    return connection, await self._head_of(connection.reader)
                except BaseException:
                    connection.writer.close()
                    raise
            except TimeoutError:
                raise DeadlineExceeded(f"{host} was silent for {self.timeout:g} s") from None
            except (OSError, EOFError, asyncio.IncompleteReadError, ValueError) as broken:
                if new or fresh:
                    raise Unavailable(f"{host} does not answer: {broken or type(broken).__name__}") from None
        raise AssertionError("unreachable")

    async def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.writer.close()
        self._idle.clear()

    async def _once(
        self, method: str, url: str, headers: dict[str, str], body: bytes | Path | BinaryIO, sink: BinaryIO | None
    ) -> Response:
        self._slots = self._slots or asyncio.Semaphore(self.limit)
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        key = (parts.scheme, parts.hostname or "", port)
        async with self._slots:
            connection, fresh = await self._connect(key)
            try:
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                response, reusable = await self._exchange(connection, method, target, parts.netloc, headers, body, sink)
            except (OSError, EOFError, asyncio.IncompleteReadError):
                connection.writer.close()
                if fresh:
                    raise
                connection, _ = await self._connect(key, new=True)  # an idle connection that the server had closed
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                response, reusable = await self._exchange(connection, method, target, parts.netloc, headers, body, sink)
            except BaseException:
                connection.writer.close()
                raise
            if reusable:
                self._idle.setdefault(key, []).append(connection)
            else:
                connection.writer.close()
            return response

    async def _connect(self, key: tuple[str, str, int], new: bool = False) -> tuple[_Connection, bool]:
        idle = self._idle.get(key, [])
        while idle and not new:
            connection = idle.pop()
            if not connection.reader.at_eof() and not connection.writer.is_closing():
                return connection, False
            connection.writer.close()
        scheme, host, port = key
        tls = (self.tls or ssl.create_default_context()) if scheme == "https" else None
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(host, port, ssl=tls, limit=1 << 20), self.timeout
        )
        raw = writer.get_extra_info("socket")
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _Connection(reader, writer), True

    async def _exchange(
        self,
        c: _Connection,
        method: str,
        target: str,
        host: str,
        headers: dict[str, str],
        body: bytes | Path | BinaryIO,
        sink: BinaryIO | None,
    ) -> tuple[Response, bool]:
        size = len(body) if isinstance(body, bytes) else _size(body)
        head = _head(method, target, host, headers, size)
        if isinstance(body, bytes):
            c.writer.write(head + body)
            await asyncio.wait_for(c.writer.drain(), self.timeout)
        else:
            c.writer.write(head)
            await self._send_file(c.writer, body)
        return await self._receive(c.reader, method, sink)

    async def _send_file(self, writer: asyncio.StreamWriter, body: Path | BinaryIO) -> None:
        with body.open("rb") if isinstance(body, Path) else nullcontext(body) as source:
            source.seek(0)
            while chunk := source.read(_CHUNK):
                writer.write(chunk)
                await asyncio.wait_for(writer.drain(), self.timeout)

    async def _receive(self, reader: asyncio.StreamReader, method: str, sink: BinaryIO | None) -> tuple[Response, bool]:
        response = await self._head_of(reader)
        status, headers = response.status, response.headers
        chunks: list[bytes] = []
        if method != "HEAD" and status not in (204, 304):
            async for chunk in self._body(reader, headers):
                if sink is not None and 200 <= status < 300:
                    sink.write(chunk)
                else:
                    chunks.append(chunk)
        response.body = b"".join(chunks)
        known_end = "content-length" in headers or headers.get("transfer-encoding") == "chunked" or method == "HEAD"
        return response, known_end and headers.get("connection", "").lower() != "close"

    async def _head_of(self, reader: asyncio.StreamReader) -> Response:
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), self.timeout)).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in head[1:] if line)
        return Response(int(head[0].split(" ", 2)[1]), {name.strip().lower(): v.strip() for name, _, v in pairs})

    async def _body(self, reader: asyncio.StreamReader, headers: dict[str, str]) -> AsyncIterator[bytes]:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            while size := int((await asyncio.wait_for(reader.readline(), self.timeout)).split(b";")[0], 16):
                yield await asyncio.wait_for(reader.readexactly(size), self.timeout)
                await reader.readexactly(2)
            await reader.readline()
            return
        left = int(headers["content-length"]) if "content-length" in headers else -1
        while left:
            chunk = await asyncio.wait_for(reader.read(_CHUNK if left < 0 else min(left, _CHUNK)), self.timeout)
            if not chunk:
                if left > 0:
                    raise EOFError("the connection ended in the middle of the body")
                return
            left -= len(chunk) if left > 0 else 0
            yield chunk


def is_full(response: Response) -> bool:
    """Does a refusal say that there is no room? Then trying again at once is of no use."""
    if response.status < 400:
        return False
    text = response.body[:1000].lower()
    return response.status == 507 or any(word in text for word in _FULL)


def _size(body: Path | BinaryIO) -> int:
    return body.stat().st_size if isinstance(body, Path) else os.fstat(body.fileno()).st_size


def _head(method: str, target: str, host: str, headers: dict[str, str], size: int) -> bytes:
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {host}",
        *(f"{k}: {v}" for k, v in headers.items() if k.lower() != "host"),
    ]
    if size or method in ("PUT", "POST"):
        lines.append(f"Content-Length: {size}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
