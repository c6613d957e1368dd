"""Warm processes that are forked instead of started: `python -m headwater.runtime.zygote <fd>`.

The ROOT zygote has imported this runtime; it forks one PACKAGE zygote per code package and entry point, which imports
the user's module and keeps children parked for the node agent. Single-threaded, without a loop, secrets or connections.
"""

import fcntl
import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterable
from typing import Any, NoReturn

from headwater.runtime import child, failures, frames
from headwater.runtime.load import load_flow

# Until the interpreter has specialised its code for what tasks do: each child then writes to fewer pages.
_REHEARSALS = 8


def preload() -> None:
    """Imports what tasks need anyway, once for all of them."""
    for name in ("headwater.flow.decorators", "headwater.flow.current", "headwater.tracking.log"):
        importlib.import_module(name)


class Zygote:
    """The loop both kinds share: messages of the agent, and children that ended."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self._splitter = frames.Splitter()
        self._fds: list[int] = []
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)
        os.set_blocking(self._wake_read, False)
        signal.signal(signal.SIGCHLD, lambda signum, frame: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)

    def serve(self) -> NoReturn:
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(self._wake_read, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._wake_read:
                    self._drain_wakeups()
                    self._reap()
                else:
                    self._read()

    def close_in_child(self) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._wake_read)
        os.close(self._wake_write)
        self.control.close()

    def on_message(self, message: dict[str, Any], fds: list[int]) -> None:
        raise AssertionError(message)

    def on_exit(self, pid: int, status: int) -> None:
        """A child ended."""

    def on_end(self) -> None:
        """The agent is gone."""

    def _read(self) -> None:
        messages, fds, ended = frames.receive_with_fds(self.control, self._splitter)
        self._fds += fds
        for message in messages:
            count = message.get("fds", 0)
            mine, self._fds = self._fds[:count], self._fds[count:]
            self.on_message(message, mine)
        if ended:
            self.on_end()
            os._exit(0)

    def _drain_wakeups(self) -> None:
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            pass

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self.on_exit(pid, status)


class RootZygote(Zygote):
    """Forks package zygotes, starts processes that are forked from nothing, and tells how they ended."""

    def __init__(self, control: socket.socket) -> None:
        super().__init__(control)
        self._fresh: set[int] = set()

    def on_exit(self, pid: int, status: int) -> None:
        self._fresh.discard(pid)
        frames.send(self.control, {"op": "ended", "ended": [[pid, status]]})

    def on_end(self) -> None:
        _kill_groups(self._fresh)

    def on_message(self, message: dict[str, Any], fds: list[int]) -> None:
        if message["op"] == "fresh":
            self._start_fresh(message["number"], fds)
        else:
            self._fork(message, fds)

    def _start_fresh(self, number: int, fds: list[int]) -> None:
        sock, out, err = fds
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                os.dup2(out, 1)
                os.dup2(err, 2)
                os.set_inheritable(sock, True)
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                command = [sys.executable, "-P", "-m", "headwater.runtime.fresh", str(sock)]
                os.execv(sys.executable, command)
            finally:
                os._exit(127)
        self._fresh.add(pid)
        for fd in fds:
            os.close(fd)
        frames.send(self.control, {"op": "started", "number": number, "pid": pid})

    def _fork(self, message: dict[str, Any], fds: list[int]) -> None:
        pid = os.fork()
        if pid == 0:
            self.close_in_child()
            _package_main(socket.socket(fileno=fds[0]), message)
        os.close(fds[0])


def _kill_groups(pids: Iterable[int]) -> None:
    for pid in pids:
        try:
            os.killpg(pid, signal.SIGKILL)
        except OSError:
            pass


class PackageZygote(Zygote):
    """Has the user's module; keeps `size` children alive, parked or at work."""

    def __init__(self, control: socket.socket, flow_class: Any, message: dict[str, Any]) -> None:
        super().__init__(control)
        self._flow_class = flow_class
        self._package = message["package"]
        self._scratch = message["scratch"]
        self._size = int(message["size"])
        self._entries = child.entries_of(self._package)
        self._alive: dict[int, str] = {}  # pid → base of its nest
        self._clean: list[str] = []  # nests that a child left as they were
        self._count = 0

    def start(self) -> NoReturn:
        self._fill([])
        self.serve()

    def on_message(self, message: dict[str, Any], fds: list[int]) -> None:
        self._size = int(message["size"])
        self._fill([])

    def _reap(self) -> None:
        self._ended: list[tuple[int, int]] = []
        super()._reap()
        self._fill(self._ended)

    def on_exit(self, pid: int, status: int) -> None:
        base = self._alive.pop(pid, "")
        if base and os.waitstatus_to_exitcode(status) == child.CLEAN:
            self._clean.append(base)
        self._ended.append((pid, status))

    def on_end(self) -> None:
        _kill_groups(self._alive)

    def _fill(self, ended: list[tuple[int, int]]) -> None:
        if ended and len(self._alive) >= self._size:
            frames.send(self.control, {"op": "ended", "ended": ended})
        while len(self._alive) < self._size:
            self._park(ended)
            ended = []

    def _park(self, ended: list[tuple[int, int]]) -> None:
        theirs, mine = socket.socketpair()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        nest = self._nest()
        pid = os.fork()
        if pid == 0:
            try:
                self.close_in_child()
                theirs.close()
                child.become(out_write, err_write)
                for fd in (out_read, out_write, err_read, err_write):
                    os.close(fd)
                child.main(mine, self._flow_class, nest)
            except BaseException:
                traceback.print_exc()
            os._exit(1)
        self._alive[pid] = nest.cwd
        handed = [theirs.fileno(), out_read, err_read]
        try:
            frames.send(self.control, {"op": "parked", "pid": pid, "base": nest.cwd, "ended": ended, "fds": 3}, handed)
        finally:
            mine.close()
            theirs.close()
            for fd in (out_read, out_write, err_read, err_write):
                os.close(fd)

    def _nest(self) -> child.Nest:
        if self._clean:
            return child.Nest(self._clean.pop(), self._entries)
        self._count += 1
        nest = child.Nest(f"{self._scratch}/{os.getpid()}-{self._count}", self._entries)
        nest.build(self._package)
        return nest


def _package_main(control: socket.socket, message: dict[str, Any]) -> NoReturn:
    frames.send(control, {"op": "importing", "pid": os.getpid()})
    _end_with_agent(control, True)
    try:
        os.chdir(message["package"])
        flow_class = load_flow(message["package"], message["entrypoint"], message["flow_class"])
    except BaseException as error:
        frames.send(control, {"op": "failed", "failure": failures.describe_import(error, message["entrypoint"])})
        os._exit(1)
    _end_with_agent(control, False)
    gc.collect()
    gc.freeze()
    sys.stdout.flush()
    sys.stderr.flush()
    frames.send(control, {"op": "ready", "pid": os.getpid()})
    zygote = PackageZygote(control, flow_class, message)
    try:
        zygote.start()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the agent went away while we wrote to it
    except BaseException:
        traceback.print_exc()
    finally:
        zygote.on_end()
        os._exit(0)


def _end_with_agent(control: socket.socket, on: bool) -> None:
    """While user code is imported nobody reads the socket: the kernel's SIGIO ends us when the agent is gone."""
    fcntl.fcntl(control, fcntl.F_SETOWN, os.getpid())
    flags = fcntl.fcntl(control, fcntl.F_GETFL)
    fcntl.fcntl(control, fcntl.F_SETFL, flags | os.O_ASYNC if on else flags & ~os.O_ASYNC)


def main(argv: list[str]) -> NoReturn:
    control = socket.socket(fileno=int(argv[0]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the agent's business
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    preload()
    for _ in range(_REHEARSALS):
        child.warm_up(child.Nest("/nowhere", []))
    frames.send(control, {"op": "ready", "pid": os.getpid(), "python": sys.version.split()[0]})
    gc.collect()
    gc.freeze()
    RootZygote(control).serve()


if __name__ == "__main__":
    main(sys.argv[1:])
