"""The warm processes that tasks are forked from: one root per interpreter, under it one zygote per package and flow.

Hands out parked children, keeps a few zygotes, ends idle ones. What a child does is attempt.py's business.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import structlog

from headwater_server.executor.node import outcomes
from headwater_server.executor.node.children import CannotStart, Child, Origin
from headwater_server.executor.node.environments import environ_of
from headwater_server.executor.node.frames import FrameSocket, encode
from headwater_server.executor.node.roots import Root

log = structlog.get_logger("worker.zygotes")
KEPT = 4
IDLE = 300.0
# Children of one package at most, and how long (seconds) nothing must run before more are parked than there are slots.
MOST_PARKED = 16
QUIET = 0.1
IMPORT_LIMIT = 600.0
# Processes that wait for the next task of a step, and for how long (seconds).
MOST_RESTING = 16
RESTING = 30.0


@dataclass
class Zygote:
    """One package zygote: imports once, keeps children parked, tells how each ended."""

    origin: Origin
    scratch: Path
    root: Root
    on_retired: Callable[["Zygote"], None]
    on_gone: Callable[["Zygote"], None]
    alive: bool = True
    pid: int = 0
    used: float = 0.0
    parked: deque[Child] = field(default_factory=deque)
    running: dict[int, Child] = field(default_factory=dict)
    waiting: deque[asyncio.Future[Child]] = field(default_factory=deque)
    # By what they may be used for, the longest rested first.
    resting: list[tuple[Hashable, Child, float]] = field(default_factory=list)
    imported: bool = False
    size: int = 0
    _asked: int = 0
    _growing: asyncio.TimerHandle | None = None

    def start(self, size: int) -> None:
        self.size = self._asked = size
        self.scratch.mkdir(parents=True)
        mine, theirs = socket.socketpair()
        self.control = FrameSocket(mine, self._on_message, self._on_end)
        message = {
            "op": "package",
            "package": str(self.origin.package),
            "entrypoint": self.origin.entrypoint,
            "flow_class": self.origin.flow_class,
            "scratch": str(self.scratch),
            "size": size,
            "fds": 1,
        }
        self.root.control.send(encode(message), [theirs.detach()])
        self._limit = asyncio.get_running_loop().call_later(IMPORT_LIMIT, self._import_took_too_long)

    def take(self) -> Child | None:
        """A parked child, if there is one now. One that was killed meanwhile is passed over."""
        while self.parked:
            child = self.parked.popleft()
            if not child.gone:
                self.running[child.pid] = child
                if not self.parked:
                    self._drained()
                return child
            child.close()
        return None

    def _drained(self) -> None:
        """More tasks came than children were parked for: next time there will be more, made when nothing runs."""
        if self.size < MOST_PARKED and self._growing is None:
            self._growing = asyncio.get_running_loop().call_later(QUIET, self._grow)

    def _grow(self) -> None:
        self._growing = None
        if not self.alive:
            return
        if not self.idle:
            self._drained()
            return
        self.size = min(2 * self.size, MOST_PARKED)
        self._ask()

    def _ask(self) -> None:
        """For as many processes as are wanted now: those that rest come on top, and a task that was given to us runs
        even when it is one more than there are slots. Not while it imports: what is sent then ends it."""
        wanted = max(self.size, len(self.running) + len(self.waiting)) + len(self.resting)
        if self.imported and self.alive and wanted != self._asked:
            self._asked = wanted
            self.control.send(encode({"op": "size", "size": wanted}))

    def rest(self, use: Hashable, child: Child) -> None:
        """Its task is done, and it can do another one of the same use."""
        if self.running.pop(child.pid, None) is None or not self.alive:
            child.kill()
            return
        self.resting.append((use, child, asyncio.get_running_loop().time()))
        if len(self.resting) > MOST_RESTING:
            self._wake(self.resting[0]).leave()
        self._ask()

    def rested(self, use: Hashable) -> Child | None:
        """One that rests and is of this use."""
        for each in [each for each in reversed(self.resting) if each[0] == use]:
            child = self._wake(each)
            if not child.gone:
                return child
            child.leave()
        return None

    def end_rested(self, before: float) -> None:
        for each in [each for each in self.resting if each[2] < before]:
            self._wake(each).leave()

    def _wake(self, each: tuple[Hashable, Child, float]) -> Child:
        self.resting.remove(each)
        self.running[each[1].pid] = each[1]
        return each[1]

    async def wait(self) -> Child:
        """Raises CannotStart."""
        future: asyncio.Future[Child] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        self._ask()
        try:
            return await future
        except asyncio.CancelledError:
            if future in self.waiting:
                self.waiting.remove(future)
            if future.done() and not future.cancelled() and future.exception() is None:
                child = future.result()
                if self.running.pop(child.pid, None) is not None and self.alive:
                    self.parked.append(child)
            raise

    @property
    def idle(self) -> bool:
        return not self.running and not self.waiting

    def close(self) -> None:
        """Ends it with all its children."""
        self.control.close()
        self._gone({"code": "KILLED", "message": "the worker stops", "retryable": True})

    def _on_message(self, message: dict[str, Any], fds: list[int]) -> None:
        for pid, status in message.get("ended", ()):
            self._on_child_end(pid, status)
        match message.get("op"):
            case "parked":
                self._on_parked(message, fds)
            case "importing":
                self.pid = message["pid"]
                self.root.deaths[self.pid] = self._on_death
            case "ready":
                self.imported = True
                self._limit.cancel()
                self._ask()
            case "failed":
                self.control.close()
                self._gone(message["failure"])

    def _on_parked(self, message: dict[str, Any], fds: list[int]) -> None:
        sock, out, err = fds
        os.set_blocking(out, False)
        os.set_blocking(err, False)
        ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        child = Child(message["pid"], Path(message["base"]), socket.socket(fileno=sock), out, err, ended)
        while self.waiting:
            future = self.waiting.popleft()
            if not future.done():
                self.running[child.pid] = child
                future.set_result(child)
                return
        self.parked.append(child)

    def _on_child_end(self, pid: int, status: int) -> None:
        child = self.running.pop(pid, None)
        if child is not None:
            child.ended.set_result(status)
            self._ask()
            return
        for each in [each for each in self.resting if each[1].pid == pid]:
            self.resting.remove(each)
            each[1].ended.set_result(status)
            each[1].left()
            self._ask()
        for child in [child for child in self.parked if child.pid == pid]:
            self.parked.remove(child)
            child.close()

    def _on_death(self, status: int) -> None:
        self.control.drain()
        self.control.close()
        self._gone(outcomes.import_death(self.origin.entrypoint, status))

    def _on_end(self) -> None:
        """Its socket ended; the root, if alive, says in a moment how it died."""
        self._retire()
        if self.root.alive and self.pid in self.root.deaths:
            asyncio.get_running_loop().call_later(0.5, self._gone, outcomes.import_death(self.origin.entrypoint, None))
        else:
            self._gone(outcomes.import_death(self.origin.entrypoint, None))

    def _import_took_too_long(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
        self.control.close()
        self._gone(
            outcomes.failure(
                "CODE_PACKAGE",
                f"the import of {self.origin.entrypoint} took more than {IMPORT_LIMIT / 60:g} minutes",
                hint="Move what takes long from the module into a step.",
            )
        )

    def _gone(self, failure: dict[str, Any]) -> None:
        if not self.alive:
            return
        self.alive = False
        self._limit.cancel()
        self.root.deaths.pop(self.pid, None)
        self._retire()
        for future in self.waiting:
            if not future.done():
                future.set_exception(CannotStart(failure))
        self.waiting.clear()
        for child in self.running.values():  # orphans: nobody will tell us of their end
            child.kill()
            child.ended.set_result(None)
        self.running.clear()
        self.on_gone(self)

    def _retire(self) -> None:
        """Nothing new is forked from it, and its parked children die with it."""
        for child in self.parked:
            child.close()
        self.parked.clear()
        for each in list(self.resting):
            self._wake(each).leave()
        self.on_retired(self)


class Zygotes:
    """The pool of them."""

    def __init__(self, slots: int, scratch: Path, environ: dict[str, str]) -> None:
        self._size, self._scratch, self._environ = slots + 1, scratch, environ
        self._roots: dict[str, Root] = {}
        self._refused: set[str] = set()
        self._zygotes: OrderedDict[Origin, Zygote] = OrderedDict()
        self._numbers = count(1)
        self._closed = False

    def start(self) -> None:
        self._root(sys.executable)

    def known_interpreter(self, wanted: str) -> str | None:
        """The interpreter for code that prefers `wanted`, if that is decided already."""
        if not wanted or wanted == sys.executable or wanted in self._refused:
            return sys.executable
        root = self._roots.get(wanted)
        return wanted if root is not None and root.alive and root.ready.done() else None

    async def interpreter(self, wanted: str) -> str:
        """The interpreter to use for code that prefers `wanted`: that one if it is here and knows Headwater."""
        if (known := self.known_interpreter(wanted)) is not None:
            return known
        if not (Path(wanted).is_absolute() and os.access(wanted, os.X_OK)):
            return sys.executable
        if await self.starts(wanted):
            return wanted
        log.warning("interpreter not usable, taking our own", wanted=wanted, own=sys.executable)
        self._refused.add(wanted)
        return sys.executable

    async def starts(self, python: str) -> bool:
        """Does a root of this interpreter come up?"""
        try:
            return await asyncio.wait_for(asyncio.shield(self._root(python).ready), 30)
        except (OSError, TimeoutError):
            return False

    def interpreters(self) -> set[str]:
        """Interpreters with a process here."""
        return set(self._roots) | {origin.python for origin in self._zygotes}

    def take(self, origin: Origin) -> Child | None:
        zygote = self._zygotes.get(origin)
        if zygote is None:
            return None
        self._touch(zygote)
        return zygote.take()

    def rested(self, origin: Origin, use: Hashable) -> Child | None:
        """A process that has done a task of this use, and waits for another."""
        zygote = self._zygotes.get(origin)
        if zygote is None or (child := zygote.rested(use)) is None:
            return None
        self._touch(zygote)
        return child

    def rest(self, origin: Origin, use: Hashable, child: Child) -> None:
        zygote = self._zygotes.get(origin)
        if zygote is not None:
            zygote.rest(use, child)
        else:
            child.leave()
            child.kill()

    async def fresh(self, python: str) -> Child:
        """A process of this interpreter that has imported nothing. Raises CannotStart."""
        number = next(self._numbers)
        return await self._root(python).start_fresh(number, self._scratch / f"fresh-{number}")

    async def child(self, origin: Origin) -> Child:
        """A child that nobody has used. Raises CannotStart."""
        tries = 3
        while True:
            zygote = self._zygotes.get(origin) or self._make(origin)
            self._touch(zygote)
            try:
                return zygote.take() or await zygote.wait()
            except CannotStart:
                tries -= 1
                if not zygote.imported or not tries or self._closed:
                    raise

    def in_use(self) -> set[str]:
        """Names of the package directories that have a zygote."""
        return {origin.package.name for origin in self._zygotes}

    def end_idle(self) -> None:
        """Call now and then."""
        now = asyncio.get_running_loop().time()
        for zygote in list(self._zygotes.values()):
            zygote.end_rested(now - RESTING)
            if zygote.idle and zygote.used < now - IDLE:
                zygote.close()
        used = {origin.python for origin in self._zygotes}
        for python, root in list(self._roots.items()):
            if python not in used and python != sys.executable and root.ready.done():
                del self._roots[python]
                root.close()

    def close(self) -> None:
        self._closed = True
        for zygote in list(self._zygotes.values()):
            zygote.close()
        for root in self._roots.values():
            root.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _touch(self, zygote: Zygote) -> None:
        zygote.used = asyncio.get_running_loop().time()
        self._zygotes.move_to_end(zygote.origin)

    def _make(self, origin: Origin) -> Zygote:
        idle = [zygote for zygote in self._zygotes.values() if zygote.idle]
        for zygote in idle[: max(0, len(self._zygotes) - KEPT + 1)]:
            zygote.close()
        folder = self._scratch / str(next(self._numbers))
        zygote = Zygote(origin, folder, self._root(origin.python), self._on_retired, self._on_gone)
        self._zygotes[origin] = zygote
        zygote.start(self._size)
        return zygote

    def _root(self, python: str) -> Root:
        root = self._roots.get(python)
        if root is None or not root.alive:
            self._scratch.mkdir(parents=True, exist_ok=True)
            root = self._roots[python] = Root(python, environ_of(python, self._environ), self._scratch)
        return root

    def _on_retired(self, zygote: Zygote) -> None:
        if self._zygotes.get(zygote.origin) is zygote:
            del self._zygotes[zygote.origin]

    def _on_gone(self, zygote: Zygote) -> None:
        if not self._closed:
            asyncio.get_running_loop().run_in_executor(None, shutil.rmtree, zygote.scratch, True)
