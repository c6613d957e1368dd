"""The part of a process that logs to a server by itself: what user code logs goes into a ring in memory, one thread
takes it to the spool on disk, another from there to the server. User code never waits for either.

Owns the threads, what happens at a fork and at the end of the process. Knows nothing of runs but their ids.
"""

import atexit
import json
import math
import os
import sys
import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headwater.client.http import Connection
from headwater.client.locate import DEFAULT_PROJECT, locate
from headwater.errors import HeadwaterError, PermissionDenied, Unauthenticated, Unavailable
from headwater.tracking import columns, spool
from headwater.tracking.sender import PASSING, Sender

# Points in memory: more wait only where the disk does not keep up, and are dropped then.
RING = 1_000_000
# How long a logged value stays in memory alone (seconds).
LINGER = 0.02
_GATHER = 0.1
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_ADOPT_EVERY = 30.0
# While the server is away (seconds).
_SYNC_EVERY = 1.0
_EXIT = 10.0
FLUSH = 30.0


class Session:
    """One per process, server and token. Thread-safe; a forked child goes on with a spool of its own."""

    def __init__(self) -> None:
        self.ring: deque[Any] = deque()
        self.server, self.project = told_server(), os.environ.get("HEADWATER_PROJECT") or DEFAULT_PROJECT
        self.refused: dict[str, HeadwaterError] = {}
        self.connection: Connection | None = None
        self.away: HeadwaterError | None = None
        self._limit = int(float(os.environ.get("HEADWATER_SPOOL_MB") or 1024) * (1 << 20))
        self._reset()
        _sessions.add(self)

    def _reset(self) -> None:
        self.ring.clear()
        self.pid = os.getpid()
        self.started = False
        self._spool: spool.Spool | None = None
        self._starting, self._changed = threading.Lock(), threading.Condition()
        self._told: set[str] = set()
        self._dropped: dict[str, int] = {}
        self._renew()

    def _renew(self) -> None:
        """Before its threads start."""
        self._stop, self._drain_now, self._send_now, self._hurry = (threading.Event() for _ in range(4))
        self._sequence = 0
        # Records that are on disk, that have arrived; of those between them the numbers and sizes.
        self._on_disk = self._arrived = 0
        self._bytes: deque[tuple[int, int]] = deque()
        self._waiting_bytes = 0
        # A step's token is not good for what other processes have left.
        self._adopt_at = math.inf if "HEADWATER_TASK_ID" in os.environ else 0.0

    # From user code

    def put(self, item: tuple[Any, ...]) -> None:
        """(run, key, value, step, time), (run, params, tags), or a function that makes a record of another kind."""
        if not self.started:
            self.start()
        if len(self.ring) < RING:
            self.ring.append(item)
        else:
            self._drop(item)

    def request(self, method: str, path: str, body: dict[str, Any], run_id: str = "") -> None:
        """One that the server may get twice without harm."""
        payload = json.dumps({"method": method, "path": path, "body": body, "run": run_id}).encode()
        self.put((spool.REQUEST, payload))

    def upload(self, run_id: str, path: str, write: Callable[[Path], object]) -> None:
        """A file of a run; write(place) makes the copy that is sent. Raises OSError."""
        folder = self._folder()
        name = uuid.uuid4().hex
        (folder / "files").mkdir(exist_ok=True)
        write(folder / "files" / name)
        self.put((spool.UPLOAD, json.dumps({"run": run_id, "path": path, "file": name}).encode()))

    def ask(self, method: str, path: str, body: dict[str, Any] | None, *, timeout: float) -> dict[str, Any]:
        """A request whose answer is waited for. Raises the server's error."""
        if self.away is not None and self.started:
            raise self.away  # the sending thread sees first when it is back
        return Connection(locate()).send(method, path, body, timeout=timeout)

    def begin(self, run_id: str) -> None:
        """A good moment to look for what others have left, too."""
        self._folder()
        if self._adopt_at < math.inf:
            self._adopt_at = 0.0
        if self._spool is not None:
            with suppress(OSError):
                self._spool.begin(run_id)

    def end(self, run_id: str) -> None:
        """After what was logged to it is on disk, so that nobody ends it in our place."""

        def done(found: spool.Spool) -> None:
            with suppress(OSError):
                found.end(run_id)

        self.put((done,))

    def flush(self, timeout: float = FLUSH, *, patient: bool = True) -> bool:
        """Waits until all that was put before has arrived, but not (patient=False) for a server that is away.

        False: it is on disk, and goes on from there when the server is back.
        """
        if not self.started:
            return True
        mark = threading.Event()
        self.put((lambda found: mark.set(),))
        self._drain_now.set()
        deadline = time.monotonic() + timeout
        if not mark.wait(timeout):
            return False
        goal = self._on_disk
        self._hurry.set()
        with self._changed:
            self._changed.wait_for(
                lambda: self._arrived >= goal or (not patient and self.away is not None),
                max(0.0, deadline - time.monotonic()),
            )
            arrived = self._arrived >= goal
        if not arrived and self._spool is not None:
            self._spool.sync()
        return arrived

    def raise_refused(self, run_id: str) -> None:
        """What the server would not store of a run, once."""
        for name in (run_id, ""):
            if (error := self.refused.pop(name, None)) is not None:
                raise error

    # Its threads

    def start(self) -> None:
        with self._starting:
            if self.started:
                return
            self._renew()
            self._make_spool()
            for work, name in ((self._keep, "headwater-spool"), (self._deliver, "headwater-send")):
                threading.Thread(target=work, args=(self._stop,), name=name, daemon=True).start()
            self.started = True
            _at_process_end()

    def _make_spool(self) -> None:
        head = {"server": self.server, "project": self.project}
        try:
            self._spool = spool.Spool.new(uuid.uuid4().hex, head)
        except OSError as error:
            self.say(f"cannot keep what is logged in {spool.root()} ({error}); it is kept in memory alone", "disk")

    def _folder(self) -> Path:
        if not self.started:
            self.start()
        if self._spool is None:
            raise OSError(f"there is no place for files below {spool.root()}")
        return self._spool.folder

    def _keep(self, stop: threading.Event) -> None:
        """The ring to the spool."""
        now, synced = self._drain_now, 0.0
        while not stop.is_set():
            now.wait(LINGER)
            now.clear()
            if self.ring:
                self._drain()
            if self.away is not None and self._spool is not None and time.monotonic() - synced > _SYNC_EVERY:
                synced = time.monotonic()
                self._spool.sync()

    def _drain(self) -> None:
        """Points of one run in a row become one batch."""
        ring, run, points, params, tags = self.ring, "", [], {}, {}

        def cut() -> None:
            nonlocal points, params, tags
            if points or params or tags:
                self._append_batch(run, points, params, tags)
                points, params, tags = [], {}, {}

        for _ in range(len(ring)):
            item = ring.popleft()
            if len(item) == 5:
                if item[0] != run or len(points) >= 50_000:
                    cut()
                    run = item[0]
                points.append(item[1:])
            elif len(item) == 3:
                if item[0] != run or params.keys() & item[1].keys():
                    cut()
                    run = item[0]
                params |= item[1]
                tags |= item[2]
            else:
                cut()
                self._special(item)
        cut()
        self._send_now.set()

    def _special(self, item: tuple[Any, ...]) -> None:
        if len(item) == 2:
            self._append(item[0], item[1])
        elif self._spool is not None or len(item) == 1:
            item[0](self._spool)

    def _append_batch(
        self, run: str, points: list[columns.Point], params: dict[str, str], tags: dict[str, str]
    ) -> None:
        if points and self._waiting_bytes > self._limit:
            self._drop_points(run, points)
            points = []
        if points or params or tags:
            self._append(spool.BATCH, columns.batch(run, self._sequence + 1, points, params, tags))

    def _append(self, kind: int, payload: bytes) -> None:
        self._sequence += 1
        pause = 0.05
        while self._spool is not None:
            try:
                size = self._spool.append(kind, self._sequence, payload)
            except OSError as error:
                if self._stop.is_set():
                    return
                self.say(f"cannot write to {self._spool.folder} ({error}); what is logged waits in memory", "disk")
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            self._on_disk += 1
            self._bytes.append((self._on_disk, size))
            self._waiting_bytes += size
            return

    def _deliver(self, stop: threading.Event) -> None:
        """The spool to the server, and then what others have left."""
        pause = _FIRST_PAUSE
        while not stop.is_set():
            try:
                if self._arrived < self._on_disk:
                    self._send(stop)
                elif time.monotonic() > self._adopt_at:
                    self._adopt_at = time.monotonic() + _ADOPT_EVERY
                    self._adopt(stop)
                else:
                    self._send_now.wait(1.0)
                    self._send_now.clear()
                    # What comes in a moment goes along, unless somebody waits.
                    self._hurry.wait(_GATHER)
                    self._hurry.clear()
                pause = _FIRST_PAUSE
            except PASSING as error:
                if not stop.is_set():
                    self.gone(error)
                self._hurry.clear()
                self._hurry.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            except OSError as error:
                self.say(f"cannot read {spool.root()}: {error}", "read")
                stop.wait(_LONGEST_PAUSE)

    def _send(self, stop: threading.Event) -> None:
        if self._spool is None:
            return
        sender = Sender(self._spool, self._refuse)
        while self._arrived < self._on_disk and not stop.is_set():
            number = sender.send(self.connected())
            with self._changed:
                # Nothing where a record should be: the disk has lost it.
                self._arrived = self._arrived + number if number else self._on_disk
                while self._bytes and self._bytes[0][0] <= self._arrived:
                    self._waiting_bytes -= self._bytes.popleft()[1]
                self._changed.notify_all()
            self._back()

    def _adopt(self, stop: threading.Event) -> None:
        for found in spool.orphans({"server": self.server, "project": self.project}):
            sender = Sender(
                found, lambda error, run: self.say(f"of an earlier process, not stored: {error}", str(error))
            )
            try:
                while sender.send(self.connected()):
                    if stop.is_set():
                        return
                    if self._arrived < self._on_disk:
                        self._send(stop)
                sender.end_dead(self.connected())
                found.remove()
            except (Unauthenticated, PermissionDenied):
                continue
            finally:
                found.close()

    def connected(self) -> Connection:
        """Found anew after each failure: a stack that starts again has another address. Raises NotReachable."""
        if self.connection is None:
            self.connection = Connection(locate())
        return self.connection

    def gone(self, error: HeadwaterError) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        if self.away is None:
            where = self._spool.folder if self._spool is not None else spool.root()
            text = f"{error.message}. What is logged is kept in {where} and is sent when the server is back."
            self.say(text, "away" if isinstance(error, Unavailable) else error.message)
        with self._changed:
            self.away = error
            self._changed.notify_all()

    def _back(self) -> None:
        """What was told of it being away may be told again."""
        if self.away is not None:
            self.away = None
            self._told.discard("away")

    def _refuse(self, error: HeadwaterError, run_id: str) -> None:
        self.refused.setdefault(run_id.replace("-", ""), error)
        self.say(f"not stored: {error}", str(error))

    # What is dropped is told

    def _drop(self, item: tuple[Any, ...]) -> None:
        if len(item) == 5:
            self._drop_points(item[0], [item[1:]])
        else:
            self.ring.append(item)

    def _drop_points(self, run: str, points: list[columns.Point]) -> None:
        self._dropped[run] = self._dropped.get(run, 0) + len(points)
        keys = sorted({point[0] for point in points})
        named = ", ".join(keys[:10]) + (f" and {len(keys) - 10} more" if len(keys) > 10 else "")
        self.say(
            f"points of run {run} ({named}) are dropped from step {points[0][2]} on: {self._limit >> 20} MB wait for "
            "the server. Fix: bring the server back, or set HEADWATER_SPOOL_MB",
            f"dropped {run}",
        )

    def dropped(self, run_id: str) -> int:
        """Points of a run that were not kept, for want of space."""
        return self._dropped.get(run_id, 0)

    def say(self, text: str, once: str) -> None:
        """One line on stderr, the first time."""
        if once not in self._told:
            self._told.add(once)
            with suppress(OSError, ValueError, AttributeError):
                print(f"headwater: {text}", file=sys.stderr, flush=True)

    # The end

    def close(self, timeout: float = _EXIT) -> None:
        """All to disk; waits for the server so long, if it is there. What is left is the next process's to send."""
        if not self.started or self.pid != os.getpid():
            return
        arrived = self.flush(timeout, patient=False)
        for event in (self._stop, self._drain_now, self._send_now, self._hurry):
            event.set()
        found, self._spool, self.started = self._spool, None, False
        if found is None:
            return
        if arrived and not found.open_runs():
            found.remove()
            return
        found.sync()
        if not arrived:
            left = self._on_disk - self._arrived
            self.say(f"{left} records wait in {found.folder}; the next process here that logs sends them", "left")
        found.close()

    def forked(self) -> None:
        """In a child: what the parent has not sent is the parent's to send."""
        if self._spool is not None:
            self._spool.close()
        self.connection, self.away, self.refused = None, None, {}
        self._reset()


_sessions: "weakref.WeakSet[Session]" = weakref.WeakSet()
_current: tuple[Any, Session] | None = None
_closers: list[Callable[[], None]] = []


def session() -> Session:
    """That of this process for the server that the environment names."""
    global _current
    key = tuple(os.environ.get(f"HEADWATER_{name}") for name in ("URL", "TOKEN", "PROJECT", "HOME"))
    if _current is None or _current[0] != key:
        if _current is not None:
            _current[1].close()
        _current = (key, Session())
    return _current[1]


def told_server() -> str:
    """What a spool says about where it goes. Stacks of this machine change their port: "local" is any of this home."""
    url = os.environ.get("HEADWATER_URL", "").strip().rstrip("/")
    return "local" if not url or urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1") else url


def at_close(work: Callable[[], None]) -> None:
    """Called before the sessions of the process close."""
    _closers.append(work)


def settle() -> None:
    """The end of the process, or of one of several tasks that it runs."""
    for work in _closers:
        with suppress(HeadwaterError):
            work()
    for each in list(_sessions):
        each.close()


def _at_process_end() -> None:
    """multiprocessing ends its children without atexit."""
    if (util := sys.modules.get("multiprocessing.util")) is not None:
        util.Finalize(None, settle, exitpriority=0)


def _after_fork() -> None:
    for each in list(_sessions):
        each.forked()


atexit.register(settle)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
