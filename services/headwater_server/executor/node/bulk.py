"""Large transfers by presigned URLs, in threads: the agent's loop goes on while gigabytes pass.

Uploads leave by sendfile, without a copy. Downloads come in parts side by side and are hashed in order while they come.
Small ones are cheaper through kit/http.py.
"""

import hashlib
import http.client
import mmap
import os
import random
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from headwater_server.kit.errors import DataLoss, DeadlineExceeded, ServiceError, Unavailable
from headwater_server.kit.http import Response, is_full

# From here on (bytes) a transfer is large.
LARGE = 4 << 20
PART = 8 << 20
_CHUNK = 1 << 20
_WORKERS = 8
_TRIES = 4
_PASSING = frozenset((500, 502, 503, 504))

# URL and headers of a request.
Where = Callable[[], tuple[str, dict[str, str]]]


class Bulk:
    """`timeout` (seconds) bounds each wait for the store, not the whole transfer."""

    def __init__(self, timeout: float = 30.0) -> None:
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix="bulk")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def put(self, url: str, headers: dict[str, str], path: Path) -> Response:
        """Sends a file. Blocks. Raises Unavailable, DeadlineExceeded."""

        return self.put_part(lambda: (url, headers), path, 0, path.stat().st_size)

    def put_part(self, where: Where, path: Path, start: int, length: int) -> Response:
        """Sends some bytes of a file. where() is asked for URL and headers before each try. Raises as put()."""

        def send(line: http.client.HTTPConnection, target: str) -> Response:
            with path.open("rb") as file:
                line.putrequest("PUT", target)
                for name, value in {**headers, "Content-Length": str(length)}.items():
                    line.putheader(name, value)
                line.endheaders()
                assert line.sock is not None
                with suppress(BrokenPipeError, ConnectionResetError):  # then the store's answer says why
                    if length:
                        line.sock.sendfile(file, start, length)
            answer = line.getresponse()
            return Response(answer.status, dict(answer.headers), answer.read())

        headers: dict[str, str] = {}

        def address() -> str:
            nonlocal headers
            url, headers = where()
            return url

        return self._persist(address, send)

    def submit(self, work: Callable[..., None], *arguments: object) -> Future[None]:
        """In one of the threads."""
        return self._threads.submit(work, *arguments)

    def get(self, url: str, size: int, path: Path) -> tuple[Response, str]:
        """Fetches `size` bytes into a file: (answer, sha256 in hex). Blocks. Raises as put(), DataLoss, OSError."""
        digest = hashlib.sha256()
        with path.open("wb+") as file:
            file.truncate(size)
            jobs = [(start, self._threads.submit(self._part, url, start, size, file)) for start in range(0, size, PART)]
            try:
                for start, job in jobs:
                    answer = job.result()
                    if answer.status >= 300:
                        return answer, ""
                    _update(digest, file, start, min(PART, size - start))
            finally:
                settle([job for _, job in jobs])
        return Response(200, {}), digest.hexdigest()

    def _part(self, url: str, start: int, size: int, file: BinaryIO) -> Response:
        length = min(PART, size - start)

        def fetch(line: http.client.HTTPConnection, target: str) -> Response:
            line.request("GET", target, headers={"Range": f"bytes={start}-{start + length - 1}"})
            answer = line.getresponse()
            there = (answer.headers.get("Content-Range") or f"/{answer.headers.get('Content-Length')}").rpartition("/")
            if answer.status in (200, 206, 416) and there[2] != str(size):
                raise DataLoss(f"the object store has {there[2]} bytes where {size} were put", reason="SIZE_MISMATCH")
            if answer.status >= 300:
                return Response(answer.status, dict(answer.headers), answer.read())
            if answer.status == 200 and length != size:
                raise EOFError("the store knows no ranges")
            _write(answer, file.fileno(), start, length)
            return Response(answer.status, {})

        return self._persist(lambda: url, fetch)

    def _persist(
        self, where: Callable[[], str], work: Callable[[http.client.HTTPConnection, str], Response]
    ) -> Response:
        """Again on a broken connection or a 5xx answer, on a new connection."""
        error: ServiceError = Unavailable("the object store does not answer")
        for attempt in range(_TRIES):
            if attempt:
                time.sleep(0.1 * 3 ** (attempt - 1) * random.uniform(0.9, 1.1))
            parts = urlsplit(where())
            target = f"{parts.path}?{parts.query}" if parts.query else parts.path
            line = self._connection(parts.scheme, parts.netloc)
            try:
                answer = work(line, target)
                if answer.status not in _PASSING or is_full(answer) or attempt == _TRIES - 1:
                    return answer
                error = Unavailable(f"{parts.netloc} answers {answer.status}")
            except TimeoutError:
                error = DeadlineExceeded(f"{parts.netloc} was silent for {self._timeout:g} s")
            except (ConnectionError, EOFError, http.client.HTTPException, ssl.SSLError) as broken:
                error = Unavailable(f"{parts.netloc} does not answer: {broken or type(broken).__name__}")
            finally:
                line.close()
        raise error

    def _connection(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
        return kind(netloc, timeout=self._timeout)


def _write(answer: http.client.HTTPResponse, fd: int, at: int, length: int) -> None:
    """The body into its place in a file. Raises EOFError where it ends too early, OSError where the disk is full."""
    end, buffer = at + length, memoryview(bytearray(_CHUNK))
    while at < end:
        got = answer.readinto(buffer[: min(_CHUNK, end - at)])
        if not got:
            raise EOFError(f"the body ended {end - at} bytes too early")
        view = buffer[:got]
        while view.nbytes:
            written = os.pwrite(fd, view, at)
            view, at = view[written:], at + written


def _update(digest: Any, file: BinaryIO, start: int, length: int) -> None:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content, memoryview(content) as view:
        with view[start : start + length] as part:
            digest.update(part)


def settle(jobs: Sequence[Future[Any]]) -> None:
    """Nobody reads or writes the file once this returns."""
    for job in jobs:
        if not job.cancel():
            job.exception()
