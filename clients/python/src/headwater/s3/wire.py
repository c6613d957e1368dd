"""Requests to presigned URLs on kept connections, from and to files, repeated where that may help. For many threads.

Knows no bucket: an answer of the server that is final comes back with its status.
"""

import http.client
import os
import random
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from headwater.flow.debugging import debug
from headwater.s3.errors import MetaflowS3Exception

CHUNK = 1 << 20
_PASSING = frozenset((429, 500, 502, 503, 504))
_MOST_PAUSE = 10.0

# Of an iterable the length is told by a header; it is gone through anew for every try.
Body = bytes | memoryview | Iterable[bytes | memoryview]


class Answer(NamedTuple):
    status: int
    headers: "http.client.HTTPMessage"
    body: bytes


class Target(NamedTuple):
    """Where the body of a 2xx answer goes."""

    fd: int
    offset: int


class Wire:
    """`retries`: how often a request is repeated; `timeout` (seconds) bounds each wait for the server."""

    def __init__(self, retries: int, verify: str | bool, timeout: float = 60.0) -> None:
        self._retries, self._verify, self._timeout = retries, verify, timeout
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def send(
        self,
        method: str,
        url: Callable[[], str],
        headers: dict[str, str] | None = None,
        body: Body | None = None,
        target: Target | None = None,
    ) -> Answer:
        """url() is asked again for every try: signatures grow old. Raises MetaflowS3Exception, OSError of a disk."""
        problem = ""
        for attempt in range(self._retries + 1):
            if attempt:
                time.sleep(min(_MOST_PAUSE, 0.1 * 2**attempt) * random.uniform(0.9, 1.1))
            address = url()
            debug("s3client", method, address.partition("?")[0])
            try:
                answer = self._once(method, address, headers or {}, body, target)
            except (_Broken, http.client.HTTPException, TimeoutError, ConnectionError) as error:
                problem = f"{urlsplit(address).netloc} does not answer ({error or type(error).__name__})"
                continue
            if answer.status not in _PASSING and not _stale(answer):
                return answer
            text = answer.body[:300].decode("utf-8", "replace").strip()
            problem = f"{urlsplit(address).netloc} answers {answer.status} {text}".rstrip()
        raise MetaflowS3Exception(f"{problem}, also after {self._retries} more tries")

    def close(self) -> None:
        with self._lock:
            lines, self._idle = [line for lines in self._idle.values() for line in lines], {}
        for line in lines:
            line.close()

    def _once(self, method: str, url: str, headers: dict[str, str], body: Body | None, target: Target | None) -> Answer:
        parts = urlsplit(url)
        where = (parts.scheme, parts.netloc)
        line, reused = self._take(*where)
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        try:
            try:
                line.request(method, path, body=body, headers=headers)
                response = line.getresponse()
            except (OSError, http.client.HTTPException):
                line.close()
                if not reused:
                    raise
                line = self._new(*where)  # the server had closed an idle connection
                line.request(method, path, body=body, headers=headers)
                response = line.getresponse()
        except OSError as error:
            line.close()
            raise _Broken(error.strerror or str(error)) from error
        try:
            if target is not None and response.status < 300:
                _into(response, target)
                data = b""
            else:
                data = response.read()
        except BaseException:
            line.close()
            raise
        if response.will_close:
            line.close()
        else:
            with self._lock:
                self._idle.setdefault(where, []).append(line)
        return Answer(response.status, response.headers, data)

    def _take(self, scheme: str, netloc: str) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            if self._pid != os.getpid():  # the parent's connections are not ours
                self._idle, self._pid = {}, os.getpid()
            idle = self._idle.get((scheme, netloc))
            if idle:
                return idle.pop(), True
        return self._new(scheme, netloc), False

    def _new(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(netloc, timeout=self._timeout)
        return http.client.HTTPSConnection(netloc, timeout=self._timeout, context=_tls(self._verify))


class _Broken(Exception):
    """The connection could not be made, or broke."""


def _tls(verify: str | bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _stale(answer: Answer) -> bool:
    """Is it only the URL that has grown too old, or a time that is out?"""
    return answer.status in (400, 403) and any(
        word in answer.body for word in (b"Request has expired", b"RequestTimeTooSkewed", b"RequestTimeout")
    )


def _into(response: http.client.HTTPResponse, target: Target) -> None:
    """Writes the body to its place. Raises _Broken where it ends too early, OSError where the disk is full."""
    expected = response.headers.get("Content-Length")
    buffer, at = memoryview(bytearray(CHUNK)), target.offset
    while True:
        try:
            got = response.readinto(buffer)
        except (OSError, http.client.HTTPException) as error:
            raise _Broken(str(error) or type(error).__name__) from error
        if not got:
            break
        view = buffer[:got]
        while view.nbytes:
            written = os.pwrite(target.fd, view, at)
            view, at = view[written:], at + written
    if expected is not None and at - target.offset != int(expected):
        raise _Broken(f"the body ended after {at - target.offset} of {expected} bytes")
