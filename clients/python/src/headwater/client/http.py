"""The one way of the SDK to a server: JSON over HTTP with kept-alive connections, on nothing but the standard library.

Owns retries of lost connections and the wording of connection errors. Knows no resource; objects.py and others do.
"""

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, urlencode, urlsplit

from headwater.client.locate import Server, locate
from headwater.errors import DeadlineExceeded, Internal, NotReachable, ServerError, Unavailable, from_response

if TYPE_CHECKING:
    import http.client

Query = Mapping[str, Any]
Json = dict[str, Any]
Event = tuple[str, str, Json]
API = "/api/v1"
TIMEOUT = 30.0
# How long a request that is safe to repeat waits for a server that was there a moment ago.
PATIENCE = 15.0
NOT_SENT = "NOT_SENT"
_SAFE = frozenset(("GET", "PUT", "DELETE", "HEAD", "PATCH"))
_IDS = ("requestId", "batchId", "request_id", "batch_id")


class Connection:
    """A server and what is needed to talk to it. May be used by several threads and after a fork."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.project = server.project
        parts = urlsplit(server.url)
        self._https = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._https else 80)
        self._prefix = parts.path.rstrip("/")
        self._idle: list[http.client.HTTPConnection] = []
        self._pid = os.getpid()
        self._date = ""
        # A stack of this machine restarts its parts, and a task's server was there when it began.
        self._patient = server.local or "HEADWATER_RUN_ID" in os.environ

    @staticmethod
    def connect(*, start: bool = False) -> "Connection":
        """The connection of this process; see headwater.client.http.connect."""
        return connect(start=start)

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Query | None = None,
        *,
        timeout: float = TIMEOUT,
        repeatable: bool | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """One request. path begins with "/"; body and answer are JSON objects in the protobuf mapping.

        repeatable: may it be sent twice? Default: GET, PUT, PATCH, DELETE, and bodies with a request or batch id.
        Raises NotReachable, DeadlineExceeded (nothing came for `timeout` seconds), or the server's error.
        """
        if repeatable is None:
            repeatable = method in _SAFE or (body is not None and any(body.get(name) for name in _IDS))
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        target = self._prefix + path + encode_query(query)
        deadline = time.monotonic() + PATIENCE
        pause = 0.05
        while True:
            try:
                return self._once(method, target, data, timeout, repeatable, headers or {})
            except Unavailable as error:
                harmless = repeatable or error.reason == NOT_SENT
                if not (harmless and self._patient) or time.monotonic() + pause > deadline:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, 1.0)

    def send(
        self,
        method: str,
        path: str,
        body: "Mapping[str, Any] | bytes | None" = None,
        *,
        media: str = "application/json",
        timeout: float = TIMEOUT,
    ) -> dict[str, Any]:
        """One request, tried once: for those who keep what they send and know when to try again. Raises as call()."""
        data = json.dumps(body, separators=(",", ":")).encode() if isinstance(body, Mapping) else body
        headers = {"Content-Type": media} if data is not None else {}
        return self._once(method, self._prefix + path, data, timeout, True, headers)

    def put_file(self, path: str, file: BinaryIO, size: int, *, timeout: float = 300.0) -> None:
        """Uploads an open file in one go. Raises as call()."""
        import http.client

        line = self._new(timeout)
        try:
            headers = self._headers({"Content-Type": "application/octet-stream", "Content-Length": str(size)}, None)
            line.request("PUT", self._prefix + path, body=file, headers=headers)
            response = line.getresponse()
            payload = response.read()
        except TimeoutError:
            raise DeadlineExceeded(f"{self.server.url} did not take {path} within {timeout:g} seconds") from None
        except (OSError, http.client.HTTPException) as error:
            raise self.unreachable(error) from error
        finally:
            line.close()
        if response.status >= 400:
            raise self.error(response.status, payload)

    def get_bytes(self, path: str, query: Query | None = None, *, timeout: float = 300.0) -> bytes:
        """What lies at a path, whatever it is. Raises as call()."""
        line, response = self.open("GET", self.target(path, query), None, timeout, {})
        try:
            payload = response.read()
        finally:
            line.close()
        if response.status >= 400:
            raise self.error(response.status, payload)
        return payload

    def stream(
        self, path: str, query: Query | None = None, *, last_id: str = "", until: float | None = None
    ) -> Iterator[Event]:
        """Server-sent events as (event, id, data), until the event "end", or until time.monotonic() is `until`: then
        DeadlineExceeded.

        A lost connection is opened again where it was (Last-Event-ID), if the server comes back within 30 s.
        """
        from headwater.client.sse import follow

        return follow(self, path, query, last_id, until)

    def pages(self, path: str, key: str, query: Query | None = None, *, page_size: int = 1000) -> Iterator[Json]:
        """Every item of a list, page after page: the entries of `key` in each answer."""
        parameters = {**(query or {}), "pageSize": page_size}
        while True:
            reply = self.call("GET", path, query=parameters)
            yield from reply.get(key, ())
            token = reply.get("nextPageToken")
            if not token:
                return
            parameters["pageToken"] = token

    def open(
        self, method: str, target: str, data: bytes | None, timeout: float, headers: Mapping[str, str]
    ) -> "tuple[http.client.HTTPConnection, http.client.HTTPResponse]":
        """Sends a request on a new connection and returns it with the answer's head."""
        line = self._new(timeout)
        line.request(method, target, body=data, headers=self._headers(headers, data))
        return line, line.getresponse()

    @property
    def server_time(self) -> datetime | None:
        """The server's clock at its last answer, to the second; None when it did not say."""
        from email.utils import parsedate_to_datetime

        return parsedate_to_datetime(self._date) if self._date else None

    def target(self, path: str, query: Query | None = None) -> str:
        return self._prefix + path + encode_query(query)

    def error(self, status: int, payload: bytes) -> ServerError:
        """The error of an answer, with what this side knows about it."""
        try:
            body = json.loads(payload)
        except ValueError:
            body = None
        error = from_response(status, body)
        if error.code == "UNAUTHENTICATED":
            where, url = self.server.token_origin, self.server.url
            error.message = f"{url} did not accept the token: {error.message}" if where else f"{url} needs a token"
            error.hint = _token_hint(where)
        return error

    def unreachable(self, error: Exception, reason: str = "") -> NotReachable:
        """Says that nothing answers, why, and how to change that."""
        cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
        hint = "start it with `headwater up`, or look with `headwater status`"
        if not self.server.local and self._host not in ("127.0.0.1", "localhost", "::1"):
            hint = f"check the address ({self.server.origin}) and the network"
        text = f"no Headwater server answers at {self.server.url} ({cause.lower()})"
        return NotReachable(text, hint=hint, reason=reason)

    def _once(
        self, method: str, target: str, data: bytes | None, timeout: float, repeatable: bool, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        import http.client

        line, reused = self._take(timeout)
        try:
            line.request(method, target, body=data, headers=self._headers(headers, data))
            response = line.getresponse()
            payload = response.read()
        except TimeoutError:
            line.close()
            raise DeadlineExceeded(
                f"{self.server.url} did not answer {method} {target} within {timeout:g} seconds"
            ) from None
        except (OSError, http.client.HTTPException) as error:
            line.close()
            if reused and repeatable:
                self._drop_idle()
                return self._once(method, target, data, timeout, False, headers)
            raise self.unreachable(error) from error
        self._date = response.headers.get("Date", "")
        self._keep(line, response)
        self._patient = True
        if response.status >= 400:
            raise self.error(response.status, payload)
        return _parse(payload, self.server.url)

    def _headers(self, extra: Mapping[str, str], data: bytes | None) -> dict[str, str]:
        headers = {"Accept": "application/json", **extra}
        if data is not None:
            headers.setdefault("Content-Type", "application/json")
        if self.server.token:
            headers["Authorization"] = f"Bearer {self.server.token}"
        if traceparent := os.environ.get("TRACEPARENT"):
            headers.setdefault("traceparent", traceparent)
        return headers

    def _new(self, timeout: float) -> "http.client.HTTPConnection":
        import http.client

        kind = http.client.HTTPSConnection if self._https else http.client.HTTPConnection
        line = kind(self._host, self._port, timeout=timeout)
        try:
            line.connect()
        except OSError as error:
            raise self.unreachable(error, NOT_SENT) from error
        if line.sock is not None and line.sock.family in (socket.AF_INET, socket.AF_INET6):
            line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return line

    def _take(self, timeout: float) -> "tuple[http.client.HTTPConnection, bool]":
        if self._pid != os.getpid():  # the parent's connections are not ours
            self._idle, self._pid = [], os.getpid()
        while self._idle:
            line = self._idle.pop()
            if line.sock is not None and not _readable(line.sock):
                line.sock.settimeout(timeout)
                return line, True
            line.close()
        return self._new(timeout), False

    def _keep(self, line: "http.client.HTTPConnection", response: "http.client.HTTPResponse") -> None:
        if response.will_close or len(self._idle) >= 8:
            line.close()
        else:
            self._idle.append(line)

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().close()

    def close(self) -> None:
        self._drop_idle()


def _readable(sock: socket.socket) -> bool:
    """An idle connection with something to read was closed by the other side."""
    import select

    poll = select.poll() if hasattr(select, "poll") else None
    if poll is None:
        return bool(select.select([sock], [], [], 0)[0])
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


def _parse(payload: bytes, url: str) -> dict[str, Any]:
    if not payload:
        return {}
    try:
        body = json.loads(payload)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Internal(f"{url} does not answer like a Headwater server (no JSON)", hint="check HEADWATER_URL")
    return body


def _token_hint(where: str) -> str:
    from headwater.client.locate import home

    verb = "check" if where == "HEADWATER_TOKEN" else "set"
    return f"{verb} HEADWATER_TOKEN; the token of a stack on this machine is in {home() / 'token'}"


def encode_query(query: Query | None) -> str:
    """ "?a=1&a=2&b=true" of {"a": [1, 2], "b": True, "c": None}; None, "" and empty lists are left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in (query or {}).items():
        for each in value if isinstance(value, (list, tuple)) else (value,):
            if each is not None and each != "":
                pairs.append((name, str(each).lower() if isinstance(each, bool) else str(each)))
    return f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""


def segment(text: str) -> str:
    """A value as one segment of a path."""
    return quote(str(text), safe="@")


_current: tuple[Any, Connection] | None = None


def connect(*, start: bool = False) -> Connection:
    """The connection of this process to its server, found as locate() says and kept.

    start: start a stack on this machine when no server is configured or running. Raises NotReachable.
    """
    global _current
    key = tuple(os.environ.get(f"HEADWATER_{name}") for name in ("URL", "TOKEN", "PROJECT", "HOME"))
    if _current is None or _current[0] != key:
        _current = (key, Connection(locate(start=start)))
    return _current[1]


def disconnect() -> None:
    """Forgets the connection of this process; the next connect() looks for a server again."""
    global _current
    if _current is not None:
        _current[1].close()
    _current = None
