"""Environments of steps on the node's disk: a venv per lock, built by uv once, shared by all agents of the machine.

Appears whole by rename; who uses one holds a shared lock on it, so that only what nobody uses is removed for room.
"""

import asyncio
import fcntl
import importlib.util
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import IO, Any

import msgspec
import structlog

from headwater_server.executor.node import interpreters, outcomes
from headwater_server.executor.node.children import CannotStart
from headwater_server.executor.node.transfers import Transfers
from headwater_server.kit.errors import ServiceError

log = structlog.get_logger("worker.environments")
LIMIT = 900
# An environment that was made ready is put to use within this time (seconds).
_GRACE = 120.0
_numbers = count(1)
MARKER = "headwater.json"
# What a task's process imports of ours; everything else in an environment is the user's choice.
_SDK = ("headwater", "cloudpickle", "zstandard")


class Lock(msgspec.Struct):
    """The lock as the client made it: docs/formats.md, "Locks"."""

    v: int
    python: str
    requirements: str
    packages: dict[str, str] = {}


class CannotBuild(Exception):
    """Why an environment is not to be had here; `final`: trying again would not help."""

    def __init__(self, message: str, hint: str = "", *, final: bool = False) -> None:
        super().__init__(message)
        self.hint, self.final = hint, final


class Environments:
    def __init__(self, root: Path, transfers: Transfers, environ: dict[str, str], limit: int) -> None:
        self._root, self._transfers, self._limit = root, transfers, limit
        self._environ = {name: value for name, value in environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
        self._environ |= {"UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
        self._held: dict[str, tuple[str, IO[str], float]] = {}  # lock → interpreter, our hold on it, since when
        self._under_way: dict[str, asyncio.Task[str]] = {}

    def find(self, lock: str) -> str | None:
        """The interpreter of an environment that this agent has used before."""
        held = self._held.get(lock)
        return held[0] if held else None

    async def ensure(self, project: str, lock: str, preferred: str, say: Callable[[str], None]) -> str:
        """The interpreter of an environment, built if need be. Raises CannotStart with the failure of the task."""
        if (found := self.find(lock)) is not None:
            return found
        task = self._under_way.get(lock)
        if task is None:
            task = self._under_way[lock] = asyncio.create_task(self._make(project, lock, preferred, say))
            task.add_done_callback(lambda _: self._under_way.pop(lock, None))
        try:
            return await asyncio.shield(task)
        except CannotBuild as error:
            text = f"the environment of this step cannot be built on this worker: {error}"
            problem = outcomes.failure("ENVIRONMENT", text, hint=error.hint, retryable=not error.final)
            raise CannotStart(problem) from None
        except ServiceError as error:
            problem = outcomes.failure(
                "ENVIRONMENT", f"the lock {lock} cannot be read: {error.message}", hint=error.hint
            )
            raise CannotStart(problem) from None
        except OSError as error:
            problem = outcomes.failure("ENVIRONMENT", f"the environment cannot be built on this worker: {error}")
            raise CannotStart(problem) from None

    def release(self, in_use: set[str]) -> None:
        """Gives up the hold on environments whose interpreter is not in use here."""
        now = time.monotonic()
        for lock, (python, hold, since) in list(self._held.items()):
            if python not in in_use and since < now - _GRACE:
                del self._held[lock]
                hold.close()

    async def _make(self, project: str, digest: str, preferred: str, say: Callable[[str], None]) -> str:
        path = await self._transfers.get(project, digest)
        try:
            lock = msgspec.json.decode(path.read_bytes(), type=Lock)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise CannotBuild(f"{digest} is not a lock: {error}", final=True) from None
        if lock.v != 1:
            raise CannotBuild(f"its lock has version {lock.v}", "Update Headwater on this worker.", final=True)
        sdk = await asyncio.to_thread(self._sdk)
        target = self._root / f"{digest[:40]}-{sdk.name}"
        if not (target / MARKER).exists():
            listed = ", ".join(f"{name} {version}" for name, version in sorted(lock.packages.items())[:6])
            more = f" and {len(lock.packages) - 6} more" if len(lock.packages) > 6 else ""
            say(f"building the environment of this step: Python {lock.python} with {listed or 'no packages'}{more}")
        hold, python = await asyncio.to_thread(self._use, target, lock, preferred, sdk)
        self._held[digest] = (python, hold, time.monotonic())
        return python

    def _use(self, target: Path, lock: Lock, preferred: str, sdk: Path) -> tuple[IO[str], str]:
        """Our hold on an environment that is there. Blocks, also while another agent builds it."""
        self._root.mkdir(parents=True, exist_ok=True)
        hold = open(target.with_suffix(".lock"), "a")  # noqa: SIM115 - held for as long as the environment is used
        try:
            while True:
                fcntl.flock(hold, fcntl.LOCK_SH)
                with suppress(FileNotFoundError):
                    os.utime(target / MARKER)
                    break
                try:
                    fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    # Another builds it, or has built it and holds it for as long as it is used: look again.
                    fcntl.flock(hold, fcntl.LOCK_UN)
                    time.sleep(random.uniform(0.01, 0.1))
                    continue
                if not (target / MARKER).exists():
                    self._build(target, lock, preferred, sdk)
                    self._trim(target)
        except BaseException:
            hold.close()
            raise
        return hold, str(target / "bin" / "python")

    def _build(self, target: Path, lock: Lock, preferred: str, sdk: Path) -> None:
        python = interpreters.find(lock.python, (preferred,))
        if python is None:
            raise CannotBuild(
                f"Python {lock.python} is not on this worker",
                "Install it there, or ask for another: @pypi(python=…).",
                final=True,
            )
        started, temporary = time.monotonic(), self._root / f".{os.getpid()}-{next(_numbers)}"
        try:
            self._uv("venv", "--quiet", "--no-project", "--relocatable", "--python", python, str(temporary))
            if lock.requirements.strip():
                listed = temporary / "requirements.txt"
                listed.write_text(lock.requirements)
                self._uv("pip", "sync", "--quiet", "--python", str(temporary / "bin" / "python"), str(listed))
            packages = next((temporary / "lib").glob("python3*")) / "site-packages"
            (packages / "headwater_sdk.pth").write_text(f"{sdk}\n")
            about = {"python": lock.python, "packages": lock.packages, "size": _size(temporary)}
            (temporary / MARKER).write_text(json.dumps(about))
            shutil.rmtree(target, ignore_errors=True)
            temporary.rename(target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        log.info("environment built", path=str(target), seconds=round(time.monotonic() - started, 2))

    def _uv(self, *arguments: str) -> None:
        try:
            done = subprocess.run(
                [_uv_path(), *arguments], env=self._environ, capture_output=True, text=True, timeout=LIMIT, check=False
            )
        except subprocess.TimeoutExpired:
            raise CannotBuild(f"uv did not come to an end within {LIMIT // 60} minutes") from None
        if done.returncode != 0:
            said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            raise CannotBuild(" ".join(said)[-2000:] or f"uv ended with exit status {done.returncode}")

    def _sdk(self) -> Path:
        """A folder with nothing but the SDK and what it imports, for the path of every environment."""
        homes = {name: _home(name) for name in _SDK}
        key = sha256(repr(sorted(homes.items())).encode()).hexdigest()[:12]
        folder = self._root / "sdk" / key
        if not folder.is_dir():
            temporary = self._root / "sdk" / f".{os.getpid()}-{next(_numbers)}"
            temporary.mkdir(parents=True)
            for name, home in homes.items():
                (temporary / name).symlink_to(home)
            try:
                temporary.rename(folder)
            except OSError:
                shutil.rmtree(temporary, ignore_errors=True)
                if not folder.is_dir():  # else another agent was first
                    raise
        return folder

    def _trim(self, newest: Path) -> None:
        """Removes the least recently used environments that nobody holds, down to the limit."""
        found: list[tuple[float, int, Path]] = []
        for marker in self._root.glob(f"*/{MARKER}"):
            with suppress(OSError, ValueError, KeyError):
                found.append((marker.stat().st_mtime, int(json.loads(marker.read_text())["size"]), marker.parent))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self._limit:
                break
            if path != newest and _remove(path):
                total -= size
                log.info("environment removed for room", path=str(path), bytes=size)


def environ_of(python: str, environ: dict[str, str]) -> dict[str, str]:
    """The environment variables of processes of an interpreter: one of ours brings its own packages only."""
    home = Path(python).parent.parent
    if not (home / MARKER).exists():
        return environ
    kept = {name: value for name, value in environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    path = os.pathsep.join(filter(None, (str(home / "bin"), environ.get("PATH", ""))))
    return kept | {"VIRTUAL_ENV": str(home), "PATH": path}


def _remove(path: Path) -> bool:
    """False when somebody uses it."""
    with open(path.with_suffix(".lock"), "a") as hold:
        try:
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        (path / MARKER).unlink(missing_ok=True)
        shutil.rmtree(path, ignore_errors=True)
    return True


def _home(name: str) -> str:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise CannotBuild(f"the worker lacks {name}")
    return str(Path(spec.origin).resolve().parent)


def _size(folder: Path) -> int:
    total = 0
    for base, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(os.path.join(base, name)).st_blocks * 512  # noqa: PTH118
    return total


def _uv_path() -> str:
    try:
        from uv import find_uv_bin
    except ImportError:
        found: Any = shutil.which("uv")
    else:
        found = find_uv_bin()
    if not found:
        raise CannotBuild("uv is not on this worker", "Install it there: pip install uv.", final=True)
    return found
