"""The bare minimum of a client, on the standard library: requests on one kept connection, and the CPU of a server."""

import http.client
import json
import os
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_TICK = os.sysconf("SC_CLK_TCK")


class Connection:
    """To the server of MLFLOW_TRACKING_URI."""

    def __init__(self) -> None:
        parts = urlsplit(os.environ["MLFLOW_TRACKING_URI"])
        self._line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=120)
        self._line.connect()
        self._line.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = {"Content-Type": "application/json"}
        if token := os.environ.get("MLFLOW_TRACKING_TOKEN"):
            self._headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def post(self, path: str, body: Any) -> bytes:
        return self._ask("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode())

    def get(self, path: str) -> bytes:
        return self._ask("GET", path, None)

    def _ask(self, verb: str, path: str, body: bytes | None) -> bytes:
        self._line.request(verb, path, body, self._headers)
        response = self._line.getresponse()
        answer = response.read()
        if response.status != 200:
            raise SystemExit(f"{verb} {path}: {response.status} {answer[:300]!r}")
        return answer


def server_cpu() -> float:
    """CPU seconds of the process BENCH_SERVER_PID and all below it, those that have ended included; 0: unknown."""
    root = os.environ.get("BENCH_SERVER_PID")
    if not root or not Path("/proc").is_dir():
        return 0.0
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(folder.name)] = int(fields[1])
            used[int(folder.name)] = sum(map(int, fields[11:15]))
    return sum(ticks for pid, ticks in used.items() if _below(pid, int(root), parents)) / _TICK


def _below(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid and pid != root:
        pid = parents.get(pid, 0)
    return pid == root
