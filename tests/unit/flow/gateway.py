"""A gateway that says what a test tells it to: real HTTP and server-sent events, no platform behind them."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

RUN_ID = "01931f00-0000-7000-8000-00000000cafe"
Event = tuple[str, str, dict[str, Any]]
DROP = ("drop", "", {})


def fact(number: int, kind: str, **body: Any) -> Event:
    """A fact as the stream carries it."""
    return kind, f"e{number}", {"id": f"e{number}", "type": kind, "time": "2026-11-23T20:10:11.123Z", "data": body}


def log(step: str, *lines: str, stream: str = "LOG_STREAM_STDOUT") -> Event:
    told = [{"stream": stream, "time": "2026-11-23T20:10:11.123456789Z", "text": line} for line in lines]
    return "log", "", {"key": {"runId": RUN_ID, "step": step}, "taskId": "0", "attempt": 1, "lines": told}


def run(state: str = "RUNNING", **more: Any) -> dict[str, Any]:
    return {"runId": RUN_ID, "flow": "Hello", "project": "default", "state": f"RUN_STATE_{state}", **more}


class Gateway:
    """Set `script` (one list of events per connection), `runs`, `refuse`; read `requests`."""

    def __init__(self) -> None:
        self.script: list[list[Event]] = [[("end", "", run("SUCCEEDED"))]]
        self.runs: list[dict[str, Any]] = []
        self.chunks: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] = []
        self.queries: list[tuple[str, str]] = []
        self.requests: list[tuple[str, str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.blobs: dict[str, bytes] = {}
        self.spans: list[bytes] = []
        self.missing = False
        self.refuse: tuple[int, dict[str, Any]] | None = None
        self.streaming = threading.Event()
        self.cancelled = threading.Event()
        self.last_ids: list[str] = []
        gateway = self

        class Handler(_Handler):
            owner = gateway

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self.cancelled.set()
        self._server.shutdown()
        self._server.server_close()

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for method, seen, body in self.requests if method == "POST" and seen.endswith(path)]

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.refuse is not None:
            return self.refuse
        if path.endswith(("/runs", "/deployments")) and method == "POST":
            if self.missing and body["code"]["package"] not in self.blobs:
                return 200, {"packageMissing": True}
            return 200, {
                "run": run(createdAt="2026-11-23T20:10:11Z"),
                "deployment": {"version": 2, "project": "default"},
            }
        if path.endswith("/runs"):
            return 200, {"runs": self.runs}
        if path.endswith("/cancel"):
            self.cancelled.set()
            return 200, {"run": run()}
        if path.endswith("/blobs"):
            return 200, {"url": f"{self.url}/put/{body['digest']}", "headers": {"x-test": "1"}}
        if path.endswith("/logs") and method == "DELETE":
            return 200, {"lines": "2"}
        if path.endswith("/logs"):
            return 200, {"chunks": self.chunks}
        if path.endswith("/tasks"):
            return 200, {"tasks": self.tasks}
        if path.endswith("/caller"):
            return 200, {"actor": {"kind": "user", "name": "ann"}}
        if path.endswith("/tags"):
            tags = {*self.runs[0].get("tags", ()), *body["add"]} - set(body["remove"])
            self.runs[0]["tags"] = sorted(tags)
            return 200, {"run": self.runs[0]}
        if path.startswith("/api/v1/runs/") and self.runs:
            return 200, {"run": self.runs[0]}
        return 200, {}

    def events(self) -> Iterator[Event]:
        yield from self.script.pop(0) if self.script else [("end", "", run("SUCCEEDED"))]


class _Handler(BaseHTTPRequestHandler):
    owner: Gateway
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/v1/traces":
            self.owner.spans.append(data)
            self._send(200, {})
        else:
            self._reply("POST", json.loads(data or b"{}"))

    def do_GET(self) -> None:
        if "/stream" in self.path:
            self._stream()
        else:
            self._reply("GET", {})

    def do_DELETE(self) -> None:
        self._reply("DELETE", {})

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        digest = self.path.rsplit("/", 1)[-1]
        assert hashlib.sha256(data).hexdigest() == digest
        self.owner.blobs[digest] = data
        self._send(200, {})

    def _reply(self, method: str, body: dict[str, Any]) -> None:
        path, _, query = self.path.partition("?")
        self.owner.queries.append((f"{method} {path}", query))
        self.owner.requests.append((method, path, body))
        self.owner.headers.append({name.lower(): value for name, value in self.headers.items()})
        self._send(*self.owner.answer(method, path, body))

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self) -> None:
        self.owner.last_ids.append(self.headers.get("Last-Event-ID", ""))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for event, ident, data in self.owner.events():
            if event == "drop":
                return
            if event == "await cancel":
                self.owner.streaming.set()
                self.owner.cancelled.wait(20)
                continue
            lines = [f"event: {event}", *([f"id: {ident}"] if ident else []), f"data: {json.dumps(data)}"]
            self.wfile.write(("\n".join(lines) + "\n\n").encode())
            self.wfile.flush()
