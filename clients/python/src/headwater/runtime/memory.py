"""The memory limit of a step where no cgroup holds it: RLIMIT_DATA, for as long as the user's code runs.

What the process had before, with the modules that its parent imported, is not counted. An allocation beyond the limit
raises MemoryError; the worker watches the sum of the step's processes besides.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def limited(mb: int) -> Iterator[None]:
    """mb: what may be added to the memory of this process, and of each that it starts; 0: no limit."""
    if not mb:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = _now() + (mb << 20)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
    try:
        yield
    finally:  # storing what the step made, or telling what happened, needs memory too
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def explain(failure: dict[str, Any], step: str, mb: int) -> dict[str, Any]:
    """The Failure of a MemoryError under this limit."""
    why = f": {failure['message']}" if failure["message"] != "MemoryError" else ""
    hint = f"Raise it, e.g. @resources(memory={2 * mb}), or use less, e.g. smaller batches."
    said = f"step {step} ran into its memory limit of {mb} MB"
    trace = failure["traceback"].rstrip()
    trace += f": {said}\n" if trace.endswith("MemoryError") else f" ({said})\n"
    return failure | {"message": f"{said}{why}", "hint": hint, "traceback": trace}


def _now() -> int:
    """Private writable memory of this process, in bytes (Linux)."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0
