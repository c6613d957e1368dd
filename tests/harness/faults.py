"""`FaultyS3`: stands before an S3 server and, when told to, fails, cuts, alters or delays what passes.

Signatures stay valid, for the Host header is passed on as it came. Everything that passes is noted in `seen`.
"""

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Match = Callable[[str, str], bool]


@dataclass
class Fault:
    """kind: "500" (any status), "cut" (half of the answer), "lost" (done, but nobody is told), "refuse" (no answer),
    "alter" (a byte of the answer), "spoil" (a byte of what is sent), "slow" (waits for `release`)."""

    kind: str
    match: Match
    times: int
    body: bytes = b"<Error><Code>SlowDown</Code></Error>"
    release: threading.Event = field(default_factory=threading.Event)
    met: threading.Event = field(default_factory=threading.Event)


class FaultyS3:
    """A server on a port of its own; `endpoint` is used instead of that of the S3 server behind it."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.seen: list[tuple[str, str]] = []
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "FaultyS3":
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        for fault in self._faults:
            fault.release.set()
        self._server.shutdown()
        self._server.server_close()

    def fail(
        self, kind: str, match: Match = lambda method, path: True, times: int = 1, *, body: bytes = Fault.body
    ) -> Fault:
        """The next `times` requests (method, path with query) that match meet this fault; body: of an error."""
        fault = Fault(kind, match, times, body)
        with self._lock:
            self._faults.append(fault)
        return fault

    def fault_of(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.seen.append((method, path))
            for fault in self._faults:
                if fault.times > 0 and fault.match(method, path):
                    fault.times -= 1
                    fault.met.set()
                    return fault
        return None


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone away is nothing to speak of."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultyS3

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.proxy.fault_of(self.command, self.path)
        kind = fault.kind if fault is not None else ""
        if fault is not None and kind == "slow":
            fault.release.wait(30)
        if kind.isdigit():
            return self._answer(int(kind), [], fault.body if fault is not None else b"")
        if kind == "refuse":
            self.close_connection = True
            return None
        if kind == "spoil" and body:
            body = _altered(body)
        status, headers, data = self._forward(body)
        if kind == "lost":
            self.close_connection = True
            return None
        self._answer(status, headers, _altered(data) if kind == "alter" and data else data, cut=kind == "cut")
        return None

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _serve

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        line = http.client.HTTPConnection(self.proxy.upstream, timeout=60)
        line.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ("content-length", "connection"):
                line.putheader(name, value)
        line.putheader("Content-Length", str(len(body)))
        line.endheaders(body or None)
        answer = line.getresponse()
        data = answer.read()
        line.close()
        return answer.status, answer.getheaders(), data

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        head = self.command == "HEAD"
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection") and (head or name.lower() != "content-length"):
                self.send_header(name, value)
        if not head:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if not head:
            self.wfile.write(data[: len(data) // 2] if cut else data)
        self.close_connection = self.close_connection or cut

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _altered(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
