"""A command that runs beside this process: its output goes to files, and to the console where that is wanted.

Threads copy the output, so that it also shows in notebooks; nothing here knows flows.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import IO

LOOK = 0.02
STREAMS = ("stdout", "stderr")


class Process:
    """A started command, whose line may name `{folder}`, a folder of its own.

    timed_out: it was ended because it took too long.
    """

    def __init__(self, command: list[str], *, env: dict[str, str], cwd: str, show: bool) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="headwater-runner-"))
        self.command = command = [word.replace("{folder}", str(self.folder)) for word in command]
        self.timed_out = False
        self._popen = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        pipes = zip(STREAMS, (self._popen.stdout, self._popen.stderr), strict=True)
        self._threads = [
            threading.Thread(target=self._copy, args=(name, pipe, show), daemon=True) for name, pipe in pipes
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs, or while the last of its output is still being written down."""
        code = self._popen.poll()
        return None if code is None or any(thread.is_alive() for thread in self._threads) else code

    def output(self, stream: str) -> str:
        """What it wrote so far to "stdout" or "stderr"."""
        return self.file(stream).read_text(encoding="utf-8", errors="replace")

    def file(self, stream: str) -> Path:
        if stream not in STREAMS:
            raise ValueError(f"stream: {stream!r} is none of {', '.join(STREAMS)}")
        path = self.folder / stream
        path.touch()
        return path

    def wait(self, timeout: float | None = None) -> None:
        """Until it is over; after `timeout` seconds it is ended."""
        until = None if timeout is None else time.monotonic() + timeout
        while self.returncode is None:
            if until is not None and time.monotonic() > until:
                self._too_long(timeout)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(LOOK if until is not None else 1.0)
            for thread in self._threads:
                thread.join(LOOK)

    async def async_wait(self, timeout: float | None = None, stream: str | None = None) -> None:
        """The same without blocking the event loop; stream: printed on the way."""
        until = None if timeout is None else time.monotonic() + timeout
        position = 0
        while True:
            over = self.returncode is not None
            if stream is not None:
                for after, line in self._lines(stream, position):
                    position = after
                    print(line, flush=True)
            if over:
                return
            if until is not None and time.monotonic() > until:
                self._too_long(timeout)
                until = None
            await asyncio.sleep(LOOK)

    async def follow(self, stream: str, position: int | None = None) -> AsyncGenerator[tuple[int, str], None]:
        """(position after it, line) of each line, until the command is over."""
        at = position or 0
        while True:
            over = self.returncode is not None
            for after, line in self._lines(stream, at):
                at = after
                yield after, line
            if over:
                return
            await asyncio.sleep(LOOK)

    def _lines(self, stream: str, position: int) -> list[tuple[int, str]]:
        with open(self.file(stream), "rb") as file:
            file.seek(position)
            data = file.read()
        found: list[tuple[int, str]] = []
        over = self.returncode is not None
        for raw in data.splitlines(keepends=True):
            if not raw.endswith(b"\n") and not over:
                break
            position += len(raw)
            found.append((position, raw.decode("utf-8", "replace").rstrip("\n")))
        return found

    def _too_long(self, timeout: float | None) -> None:
        self.timed_out = True
        print(f"Timeout: `{' '.join(self.command)}` was not done within {timeout:g} seconds.", file=sys.stderr)
        self.stop()

    def stop(self, patience: float = 10.0) -> None:
        """Ends it as Ctrl-C would, so that its run is cancelled; kills it when it does not listen."""
        if self._popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._popen.send_signal(signal.SIGINT)
            try:
                self._popen.wait(patience)
            except subprocess.TimeoutExpired:
                self._popen.kill()
                self._popen.wait()

    def cleanup(self) -> None:
        """Removes its files."""
        import shutil

        shutil.rmtree(self.folder, ignore_errors=True)

    def _copy(self, name: str, pipe: IO[bytes] | None, show: bool) -> None:
        assert pipe is not None
        with open(self.folder / name, "wb", buffering=0) as file, pipe:
            while chunk := os.read(pipe.fileno(), 1 << 16):
                file.write(chunk)
                if show:
                    target = sys.stdout if name == "stdout" else sys.stderr
                    with contextlib.suppress(ValueError, OSError):
                        target.write(chunk.decode("utf-8", "replace"))
                        target.flush()
