"""Servers that play the gateway's part over real sockets: Api answers by route, raw() treats connections as told."""

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from google.protobuf.json_format import MessageToDict

from headwater.api.tracking.v1 import batches_pb2
from headwater.client.http import Connection
from headwater.client.locate import Server

Query = dict[str, list[str]]
Answer = dict[str, Any] | Callable[[Query, dict[str, Any]], "dict[str, Any] | tuple[int, dict[str, Any]]"]


def connection(url: str, *, token: str = "secret", local: bool = False) -> Connection:
    return Connection(Server(url, token, "default", "a test", "HEADWATER_TOKEN" if token else "", local))


class Api:
    """`routes[("GET", "/api/v1/…")]` is a JSON answer, or a function (query, body) → answer or (status, answer)."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], Answer] = {}
        self.requests: list[tuple[str, str, Query, dict[str, Any]]] = []
        self.blobs: dict[str, bytes] = {}
        api = self

        class Handler(_Handler):
            owner = api

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def seen(self, method: str, part: str = "") -> list[tuple[str, Query, dict[str, Any]]]:
        return [(path, query, body) for verb, path, query, body in self.requests if verb == method and part in path]

    def answer(self, method: str, path: str, query: Query, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        found = self.routes.get((method, path))
        if found is None:
            found = self._blob(method, path, body)
        if found is None:
            return 404, {"error": {"code": "NOT_FOUND", "message": f"no {path}"}}
        reply = found(query, body) if callable(found) else found
        return reply if isinstance(reply, tuple) else (200, reply)

    def _blob(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        if method == "POST" and path.endswith("/blobs"):
            known = body["digest"] in self.blobs
            return (
                {"exists": True} if known else {"url": f"{self.url}/s3/{body['digest']}", "headers": {"x-check": "1"}}
            )
        if method == "POST" and path.endswith("/commit"):
            return {}
        digest = path.rsplit("/", 1)[-1]
        if method == "GET" and "/blobs/" in path and digest in self.blobs:
            return {"url": f"{self.url}/s3/{digest}"}
        return None


class _Handler(BaseHTTPRequestHandler):
    owner: Api
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        return

    def _json(self) -> None:
        parts = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Type") == "application/x-protobuf":
            body = MessageToDict(batches_pb2.LogBatchesRequest.FromString(data))
        else:
            body = json.loads(data or b"{}")
        query = parse_qs(parts.query)
        self.owner.requests.append((self.command, parts.path, query, body))
        status, reply = self.owner.answer(self.command, parts.path, query, body)
        self._send(status, json.dumps(reply).encode())

    do_POST = do_DELETE = do_PATCH = _json

    def do_GET(self) -> None:
        if self.path.startswith("/s3/"):
            self._send(200, self.owner.blobs[self.path.removeprefix("/s3/")])
        else:
            self._json()

    def do_PUT(self) -> None:
        if not self.path.startswith("/s3/"):
            self._json()
            return
        data = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["x-check"] == "1"
        self.owner.blobs[hashlib.sha256(data).hexdigest()] = data
        self._send(200, b"")

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Wire:
    """One accepted connection: receive() reads one request, send() answers."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.file = sock.makefile("rb")

    def receive(self) -> tuple[str, dict[str, str]]:
        """(request line, headers) of the next request, whose body is read too."""
        line = self.file.readline().decode().strip()
        headers: dict[str, str] = {}
        while text := self.file.readline().decode().strip():
            name, _, value = text.partition(": ")
            headers[name.lower()] = value
        self.file.read(int(headers.get("content-length", 0)))
        return line, headers

    def send(self, body: bytes | str, *, status: str = "200 OK", more: str = "") -> None:
        data = body.encode() if isinstance(body, str) else body
        self.sock.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\n{more}\r\n".encode() + data)

    def events(self, text: str) -> None:
        """Begins a stream of events with some text; goes on with sock.sendall."""
        head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        self.sock.sendall((head + text).encode())


@contextmanager
def raw(*scripts: Callable[[Wire], Any]) -> Iterator[str]:
    """A server that runs one script per connection, in order, then closes it; yields its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[Wire] = []

    def serve() -> None:
        for script in scripts:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            wire = Wire(sock)
            held.append(wire)
            try:
                script(wire)
            except (OSError, ValueError):
                continue
            finally:
                wire.file.close()
                sock.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
