"""Decorators of steps that the scheduler and the worker act on: parallel, concurrency, isolation, no_cache.

They only record options (flow/options.py).
"""

from __future__ import annotations

from typing import Any

from headwater.errors import FlowError
from headwater.flow.declare import step_decorator
from headwater.flow.decorators import recording
from headwater.flow.options import StepOptions


@step_decorator
def parallel() -> Any:
    """The step is run by a gang: self.next(self.train, num_parallel=4) starts all four tasks together or none, and one
    that fails fails all. `current.parallel` tells a task which one it is, and where the first one runs.

    @parallel
    @step
    def train(self): ...
    """

    def record(options: StepOptions) -> None:
        del options

    return recording("parallel", record)


@step_decorator
def concurrency(*keys: str) -> Any:
    """At most so many tasks at a time, over all runs of the project, as `headwater limits set KEY N` says for each of
    the keys: @concurrency("warehouse"). A key without a limit changes nothing.

    @concurrency("warehouse")
    @step
    def load(self): ...
    """
    for key in keys:
        if not key or not all(char.isalnum() or char in "_.:/-" for char in key):
            raise FlowError(f"@concurrency: {key!r} is not a name of a limit (letters, digits and _ . : / -)")
    if not keys:
        raise FlowError('@concurrency names no limit. Fix: @concurrency("warehouse")')

    def record(options: StepOptions) -> None:
        options.concurrency = list(keys)

    return recording("concurrency", record)


@step_decorator
def no_cache() -> Any:
    """The step always runs: `run --cached` never takes its result from an earlier run. For steps that read what changes
    outside of the flow: a table, a web page, the time.

    @no_cache
    @step
    def load(self): ...
    """

    def record(options: StepOptions) -> None:
        options.no_cache = True

    return recording("no_cache", record)


@step_decorator
def isolation(mode: str) -> Any:
    """Which process runs a task of the step.

    "fork" (default): one of its own, forked from a process that has imported the flow.
    "none": one that does the next task of the step when it has done one, which is quickest for a foreach of very many
    short tasks. What modules remember stays between them; directory, environment variables and temporary files do not.
    A task that crashes, or is killed, takes only itself along.
    "process": a fresh interpreter, which imports the flow itself: for CUDA, and libraries that do not bear a fork.

    @isolation("process")
    @step
    def train(self): ...
    """
    if mode not in ("none", "fork", "process"):
        raise FlowError(f"@isolation: {mode!r} is none of none, fork, process")

    def record(options: StepOptions) -> None:
        options.isolation = mode

    return recording("isolation", record)
