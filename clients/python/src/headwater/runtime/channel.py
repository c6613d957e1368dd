"""The child's side of its private socket to the node agent: blobs, results of joined tasks, metrics, the outcome.

A task has no credentials but its token; what needs the bus or S3 goes through here. active() is None outside of a task,
and in processes that user code forked: they use HTTP.
"""

import _thread
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headwater.errors import ArtifactError
from headwater.runtime import frames
from headwater.runtime.task import Key, Result, parse_result

_active: "Channel | None" = None


class Channel:
    """Safe to use from several threads of the task."""

    def __init__(self, sock: socket.socket, cache: Path, directory: Path) -> None:
        self._sock = sock
        self._cache = cache
        self._directory = directory
        self._lock = _thread.allocate_lock()
        self._pid = os.getpid()
        self._files = 0
        self._over = False
        # What hands over what it has gathered, before the task's result goes.
        self.before_result: list[Callable[[], None]] = []

    def get_blob(self, digest: str) -> Path:
        """A read-only file with the bytes of a blob, from the node's cache. Raises ArtifactError when there is none."""
        path = self._cache / digest[:2] / digest
        try:
            os.utime(path)  # in use: not to be evicted now
        except OSError:
            return Path(self._request({"op": "get", "digest": digest})["path"])
        return path

    def get_blobs(self, digests: list[str]) -> list[Path]:
        """The same for many, which the agent fetches side by side."""
        return [Path(path) for path in self._request({"op": "get_many", "digests": digests})["paths"]]

    def put_blob(self, source: "Path | str | bytes") -> str:
        """Stores a file or bytes as a blob, waits until it is safe, and returns its sha256 digest."""
        if not isinstance(source, bytes):
            return self._request({"op": "put", "path": os.path.abspath(source)})["digest"]
        path = self.new_file()
        try:
            path.write_bytes(source)
            return self._request({"op": "put", "path": str(path)})["digest"]
        finally:
            path.unlink(missing_ok=True)

    def new_file(self) -> Path:
        """A path in the task's own directory for a file to hand over."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._files += 1
        return self._directory / f"channel-{os.getpid()}-{self._files}"

    def results(self, key: Key, offset: int, limit: int) -> list[Result]:
        """Results of the tasks that the join `key` joins, from `offset` on; fewer than `limit` where they are large."""
        body = {"runId": key.run_id, "step": key.step, "path": key.path, "index": key.index}
        reply = self._request({"op": "results", "key": body, "offset": offset, "limit": limit})
        return [parse_result(item) for item in reply["results"]]

    def send_metrics(
        self, metrics: list[dict[str, Any]], params: dict[str, str] | None = None, tags: dict[str, str] | None = None
    ) -> None:
        """Logs points, params and tags of this task. Returns at once; they are stored before the task completes.

        A point is {"key": str, "value": float, "step": int, "timestampMs": int}.
        """
        self.send({"op": "metrics", "metrics": metrics, "params": params or {}, "tags": tags or {}})

    def send(self, message: dict[str, Any]) -> None:
        with self._lock:
            if not self._over:
                frames.send(self._sock, message)

    def finish(self, result: dict[str, Any]) -> None:
        """The last message of the task: then the socket is the next one's, whatever threads of this one still run."""
        for hand_over in self.before_result:
            hand_over()
        with self._lock:
            frames.send(self._sock, result)
            self._over = True

    def _request(self, message: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            if self._over:
                raise ArtifactError("the task is over")
            frames.send(self._sock, message)
            reply = frames.receive(self._sock)
        if reply is None:
            raise ArtifactError("the node agent is gone")
        if error := reply.get("error"):
            raise ArtifactError(error)
        return reply

    @property
    def over(self) -> bool:
        return self._over

    @property
    def usable(self) -> bool:
        return self._pid == os.getpid()


def active() -> Channel | None:
    """The channel of the task that this process runs, else None."""
    return _active if _active is not None and _active.usable else None


def activate(channel: Channel) -> None:
    global _active
    _active = channel


def deactivate() -> None:
    global _active
    _active = None
