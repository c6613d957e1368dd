"""The first process of an interpreter: from it package zygotes are forked, and it starts processes that are forked from
nothing. It tells how each of them ended.
"""

import asyncio
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

from headwater_server.executor.node.children import CannotStart, Child
from headwater_server.executor.node.frames import FrameSocket, encode

log = structlog.get_logger("worker.zygotes")
_VANISHED = {"code": "KILLED", "message": "the worker's root process was killed", "retryable": True}


class Root:
    """The first process of an interpreter. Its death is noticed, and another is started when one is needed."""

    def __init__(self, python: str, environ: dict[str, str], cwd: Path) -> None:
        self.python, self.alive = python, True
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.deaths: dict[int, Callable[[int], None]] = {}
        self._starting: dict[int, asyncio.Future[int]] = {}
        self._fresh: dict[int, Child] = {}
        mine, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [python, "-P", "-m", "headwater.runtime.zygote", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=2,
            cwd=cwd,
            env=environ,
            start_new_session=True,
        )
        theirs.close()
        self.control = FrameSocket(mine, self._on_message, self._on_end)

    def _on_message(self, message: dict[str, Any], fds: list[int]) -> None:
        if message.get("op") == "ready" and not self.ready.done():
            self.ready.set_result(True)
        if message.get("op") == "started":
            self._starting.pop(message["number"]).set_result(message["pid"])
        for pid, status in message.get("ended", ()):
            if (tell := self.deaths.pop(pid, None)) is not None:
                tell(status)

    def _on_end(self) -> None:
        self.alive = False
        if not self.ready.done():
            self.ready.set_result(False)
        self.process.kill()
        status = self.process.wait()
        self._end_fresh()
        log.warning("root zygote ended", python=self.python, status=status)

    def close(self) -> None:
        if self.alive:
            self.alive = False
            self.control.close()
            self.process.kill()
            self.process.wait()
            self._end_fresh()

    async def start_fresh(self, number: int, base: Path) -> Child:
        """A process that was forked from nothing. Raises CannotStart."""
        mine, theirs = socket.socketpair()
        out, out_write = os.pipe()
        err, err_write = os.pipe()
        message = {"op": "fresh", "number": number, "fds": 3}
        loop = asyncio.get_running_loop()
        started = self._starting[number] = loop.create_future()
        child = Child(0, base, mine, out, err, loop.create_future())
        self.control.send(encode(message), [theirs.detach(), out_write, err_write])
        for fd in (out, err):
            os.set_blocking(fd, False)
        started.add_done_callback(lambda _: self._on_started(child, started))
        try:
            await asyncio.shield(started)
        except asyncio.CancelledError:
            child.leave()
            started.add_done_callback(lambda _: child.kill())
            raise
        return child

    def _on_started(self, child: Child, started: "asyncio.Future[int]") -> None:
        if started.exception() is None:
            child.pid = started.result()
            self._fresh[child.pid] = child
            self.deaths[child.pid] = lambda status: self._on_fresh_end(child, status)
        else:
            child.close()

    def _on_fresh_end(self, child: Child, status: int | None) -> None:
        del self._fresh[child.pid]
        child.ended.set_result(status)

    def _end_fresh(self) -> None:
        """Nobody will tell us of their end."""
        for future in self._starting.values():
            future.set_exception(CannotStart(_VANISHED))
        self._starting.clear()
        for child in list(self._fresh.values()):
            child.kill()
            self._on_fresh_end(child, None)
