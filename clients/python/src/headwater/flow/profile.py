"""profile: prints, or adds up, how long a block took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def profile(label: str, stats_dict: dict[str, int] | None = None) -> Iterator[None]:
    """Prints when a block begins and how many milliseconds it took; with stats_dict adds them to stats_dict[label].

    with profile("load"):
        ...
    """
    if stats_dict is None:
        print(f"PROFILE: {label} starting")
    start = time.monotonic()
    yield
    took = int((time.monotonic() - start) * 1000)
    if stats_dict is None:
        print(f"PROFILE: {label} completed in {took}ms")
    else:
        stats_dict[label] = stats_dict.get(label, 0) + took
