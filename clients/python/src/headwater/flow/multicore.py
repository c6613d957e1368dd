"""parallel_map and parallel_imap_unordered: a function over many values in forked processes of one task.

Functions need not be picklable, only what they return.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from headwater.errors import HeadwaterError

A = TypeVar("A")
R = TypeVar("R")


class MulticoreException(HeadwaterError):
    """A process of parallel_map failed; its traceback is in the log."""


def parallel_map(
    func: Callable[[A], R], iterable: Iterable[A], max_parallel: int | None = None, dir: str | None = None
) -> list[R]:
    """[func(x) for x in iterable], max_parallel (by default as many as CPUs) at a time, in the order of the values.

    dir: where results are kept on their way. Raises MulticoreException when one fails.
    """

    def numbered(pair: tuple[int, A]) -> tuple[int, R]:
        return pair[0], func(pair[1])

    found = list(parallel_imap_unordered(numbered, enumerate(iterable), max_parallel, dir))
    return [result for _, result in sorted(found, key=lambda pair: pair[0])]


def parallel_imap_unordered(
    func: Callable[[A], R], iterable: Iterable[A], max_parallel: int | None = None, dir: str | None = None
) -> Iterator[R]:
    """Results of func for each value, in the order in which they are ready."""
    values = iter(iterable)
    most = max_parallel or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    running = dict(_spawn(func, value, dir) for value in islice(values, most))
    try:
        while running:
            pid, path, status = _wait(running)
            del running[pid]
            if status:
                raise MulticoreException("a process of parallel_map failed; its traceback is above")
            with open(path, "rb") as file:
                result = pickle.load(file)
            path.unlink()
            running.update(_spawn(func, value, dir) for value in islice(values, 1))
            yield result
    finally:
        for pid, path in running.items():
            os.waitpid(pid, 0)
            path.unlink(missing_ok=True)


def _wait(running: dict[int, Path]) -> tuple[int, Path, int]:
    """The next of our processes that ends; others are left to whoever started them."""
    import time

    while True:
        for pid, path in running.items():
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return pid, path, status
        time.sleep(0.005)


def _spawn(func: Callable[[Any], Any], value: Any, folder: str | None) -> tuple[int, Path]:
    handle, name = tempfile.mkstemp(prefix="parallel_map_", dir=folder)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(handle)
        return pid, Path(name)
    status = 1
    try:
        with open(handle, "wb") as file:
            pickle.dump(func(value), file, protocol=pickle.HIGHEST_PROTOCOL)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
