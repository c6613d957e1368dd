"""Child processes of the supervisor: they die with it, write to one log file each, and are watched while they start."""

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
# Below what Linux (32768) and macOS (49152) give to connections.
_PORTS = range(15_000, 32_000)
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_claimed: dict[int, socket.socket] = {}


class StartError(Exception):
    """A server did not come up; the text has the end of its log."""


def die_with_parent() -> None:
    """For preexec_fn: the kernel kills this child when the thread that forked it ends."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that neither the kernel nor another platform takes meanwhile."""
    for _ in range(100):
        port = random.randrange(_PORTS.start, _PORTS.stop)
        if port not in _claimed and is_free(port) and claim(port):
            return port
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def claim(port: int) -> bool:
    """Takes the port for this process, until it ends; False where another platform's process has it.

    Servers listen seconds after their ports were chosen. A name in the kernel's own space of socket names
    is gone with the process, however that ends, and is seen by exactly those who share its network.
    """
    if sys.platform == "linux" and port not in _claimed:
        name = socket.socket(socket.AF_UNIX)
        try:
            name.bind(f"\0headwater/port/{port}")
        except OSError:
            name.close()
            return False
        _claimed[port] = name
    return True


def is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port: int) -> bool:
    """Does anybody accept connections on this port of 127.0.0.1?"""
    with socket.socket() as sock:
        sock.settimeout(0.2)
        return sock.connect_ex(("127.0.0.1", port)) == 0


def tail(log: Path, lines: int = 12) -> str:
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


@dataclass
class Child:
    """How to run one child; `process` once it runs."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[["Child"], bool]
    env: Mapping[str, str] | None = None
    stop_signal: int = signal.SIGTERM
    cwd: Path | str = "/"
    spawn_options: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    @property
    def pid(self) -> int:
        return self.process.pid if self.process else 0

    def start(self) -> None:
        """Must be called from the supervisor's main thread: the kernel ties PDEATHSIG to the thread that forked."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(self.env) if self.env is not None else None,
                cwd=self.cwd,
                start_new_session=True,
                preexec_fn=die_with_parent,
                **self.spawn_options,
            )  # type: ignore[assignment]
        self.starts += 1

    def died(self) -> int | None:
        return self.process.poll() if self.process else None

    def signal(self, number: int) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)


class Errand:
    """A process that does one thing and ends, beside the others; finish() waits for it."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | str = "/",
        stdin: str = "",
        spawn_options: Mapping[str, Any] | None = None,
    ) -> None:
        self._name, self._log = name, log
        with log.open("wb") as out, tempfile.TemporaryFile() as given:
            given.write(stdin.encode())
            given.seek(0)
            self._process = subprocess.Popen(
                command,
                stdin=given,
                stdout=out,
                stderr=out,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                preexec_fn=die_with_parent,
                **(spawn_options or {}),
            )

    def finish(self, patience: float) -> None:
        """Raises StartError when it fails or takes too long."""
        try:
            status = self._process.wait(patience)
        except subprocess.TimeoutExpired:
            raise StartError(f"{self._name} did not end within {patience:g} s. See {self._log}.") from None
        if status != 0:
            raise StartError(f"{self._name} failed. Its log ({self._log}) ends:\n{tail(self._log)}")

    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        if self.running():
            self._process.kill()
            self._process.wait()


def await_ready(children: Sequence[Child], patience: float) -> None:
    """Returns when all are ready. Raises StartError at once when one of them ends, or when patience does."""
    waiting = list(children)
    deadline = time.monotonic() + patience
    while waiting:
        for child in list(waiting):
            if (code := child.died()) is not None:
                ended = f"{child.name} ended with status {code} while starting."
                raise StartError(f"{ended} Its log ({child.log}) ends:\n{tail(child.log)}")
            if child.ready(child):
                waiting.remove(child)
        if waiting and time.monotonic() > deadline:
            names = ", ".join(c.name for c in waiting)
            raise StartError(
                f"{names} did not get ready within {patience:g} s. See {waiting[0].log}:\n{tail(waiting[0].log)}"
            )
        if waiting:
            time.sleep(0.005)


def stop_all(children: Sequence[Child], patience: float = 2.5) -> None:
    """Stops them side by side; kills what does not end in time, and leaves no process group behind."""
    for child in children:
        child.signal(child.stop_signal)
    deadline = time.monotonic() + patience
    for child in children:
        if child.process is None:
            continue
        try:
            child.process.wait(max(0.01, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()
        kill_group(child.pid)


def kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Is there such a process, not counting one that has ended and waits for its parent?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        if Path("/proc/self").exists():
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
