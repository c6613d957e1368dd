"""The GPUs of this worker: which there are, which task has which. No two tasks have the same one at the same time."""

import asyncio
import os
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc/driver/nvidia/gpus")
# ROCR_VISIBLE_DEVICES is left alone: HIP would count within what it leaves.
VARIABLES = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
MOST = 64


def parse(text: str) -> tuple[str, ...]:
    """ "2": the first two; "0,2" or "GPU-8f…,GPU-02…": these; "none" and "0": none. Raises ValueError."""
    text = text.strip()
    if text == "none":
        return ()
    if text.isdigit():
        names = tuple(str(number) for number in range(min(int(text), MOST + 1)))
    else:
        names = tuple(name.strip() for name in text.strip(",").split(","))
    if len(names) > MOST:
        raise ValueError(f"{text!r} names more than {MOST} GPUs")
    if len(set(names)) < len(names):
        raise ValueError(f"{text!r} names one twice")
    if not all(name and name.replace("-", "").replace("/", "").replace(":", "").isalnum() for name in names):
        raise ValueError(f'{text!r} is neither a number of GPUs ("2") nor a list of them ("0,2,")')
    return names


def found(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """What this machine has for us: CUDA_VISIBLE_DEVICES where it is set, else what nvidia-smi or the driver lists."""
    env = os.environ if environ is None else environ
    if (visible := env.get("CUDA_VISIBLE_DEVICES")) is not None:
        with suppress(ValueError):
            return parse(f"{visible},") if visible.strip() not in ("", "-1", "none") else ()
    if not Path("/dev/nvidiactl").exists():
        return ()
    with suppress(OSError, subprocess.SubprocessError):
        command = ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return tuple(line.strip() for line in done.stdout.splitlines() if line.strip())[:MOST]
    with suppress(OSError):
        return tuple(str(number) for number, _ in enumerate(_PROC.iterdir()))[:MOST]
    return ()


class Devices:
    """Hands them out in the order in which they are asked for; each goes back when the process that had it is gone."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self._free = list(names)
        self._waiting: deque[tuple[int, asyncio.Future[tuple[str, ...]]]] = deque()

    async def take(self, count: int) -> "Lease":
        """Waits for them. The scheduler gives us no more than there are; a process may need a moment to end."""
        if count > len(self.names):
            raise ValueError(f"{count} GPUs are asked for, and this worker has {len(self.names)}")
        future: asyncio.Future[tuple[str, ...]] = asyncio.get_running_loop().create_future()
        self._waiting.append((count, future))
        self._serve()
        try:
            return Lease(await future, self._back)
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._back(future.result())
            raise

    def _serve(self) -> None:
        while self._waiting and (self._waiting[0][1].done() or self._waiting[0][0] <= len(self._free)):
            count, future = self._waiting.popleft()
            if not future.done():
                taken, self._free = self._free[:count], self._free[count:]
                future.set_result(tuple(taken))

    def _back(self, names: tuple[str, ...]) -> None:
        self._free = sorted((*self._free, *names), key=self.names.index)
        self._serve()


class Lease:
    def __init__(self, names: tuple[str, ...], back: Callable[[tuple[str, ...]], None]) -> None:
        self.names, self._back = names, back

    def end(self) -> None:
        names, self.names = self.names, ()
        if names:
            self._back(names)


def environment(names: tuple[str, ...]) -> dict[str, str]:
    """What makes libraries see these devices and no others."""
    return dict.fromkeys(VARIABLES, ",".join(names))
