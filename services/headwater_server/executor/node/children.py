"""A parked process, ours to give one task to, and what it was forked from."""

import asyncio
import os
import shutil
import signal
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater_server.executor.node.limits import AttemptLimits


# How a process ends whose directories its zygote may use again.
CLEAN = 0


def remove_nest(base: Path) -> None:
    for path in (base, Path(f"{base}.tmp"), Path(f"{base}.out")):
        shutil.rmtree(path, ignore_errors=True)


class CannotStart(Exception):
    """No child can be had; `failure` is what its task gets."""

    def __init__(self, failure: dict[str, Any]) -> None:
        super().__init__(failure.get("message", ""))
        self.failure = failure


@dataclass(frozen=True)
class Origin:
    """What a child is forked from: an interpreter that has imported this flow of this package."""

    python: str
    package: Path
    entrypoint: str
    flow_class: str


@dataclass
class Child:
    """A parked process and our ends of its streams. `ended` gets its wait status, None when nobody knows it."""

    pid: int
    base: Path
    sock: socket.socket
    out: int
    err: int
    ended: asyncio.Future[int | None]
    limits: "AttemptLimits | None" = None

    def leave(self) -> None:
        """It is not needed any more: it ends by itself when nobody holds its socket."""
        self.ended.add_done_callback(lambda _: self.left())
        self.sock.close()

    def left(self) -> None:
        """It has ended, while no task used it."""
        self.close()
        if self.limits is not None:
            self.limits.end()
        if self.ended.result() not in (None, CLEAN):
            asyncio.get_running_loop().run_in_executor(None, remove_nest, self.base)

    def kill(self) -> None:
        """The process and all of its group. It may be a moment before its group exists."""
        if not self.pid:
            return
        for kill in (os.killpg, os.kill) if not self.ended.done() else (os.killpg,):
            try:
                kill(self.pid, signal.SIGKILL)
            except OSError:
                continue

    @property
    def gone(self) -> bool:
        """Has its end of the socket closed, before it was given anything?"""
        try:
            return self.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True

    def close(self) -> None:
        self.sock.close()
        for fd in (self.out, self.err):
            if fd >= 0:
                os.close(fd)
        self.out = self.err = -1
