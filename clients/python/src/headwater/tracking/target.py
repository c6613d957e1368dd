"""Where logged values go: the run that start_run() began, else the step that this process runs, or belongs to.

Part of every task that logs, so it imports next to nothing.
"""

import _thread
import math
import os
import sys
from collections import deque
from typing import Any, Protocol

from headwater.errors import FailedPrecondition, InvalidArgument
from headwater.runtime.channel import Channel, active

_INT64 = 2**63
# As protobuf's JSON has them.
_WORDS = {math.inf: "Infinity", -math.inf: "-Infinity"}


class Target(Protocol):
    def point(self, key: str, value: float, step: int | None, timestamp: int) -> None:
        """One point; the values are checked."""
        ...

    def texts(self, params: dict[str, str], tags: dict[str, str]) -> None: ...


class Steps:
    """Counts the points of each key that were logged without a step."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def step_of(self, key: str, step: int | None) -> int:
        number = self._next.get(key, 0) if step is None else step if type(step) is int else check_step(step)
        self._next[key] = number + 1
        return number


class TaskTarget(Steps):
    """The task that this process runs. Points gather for a moment, then a thread hands them to the node agent; what is
    left goes before the task's result."""

    LINGER = 0.05
    FRAME = 5000
    # More in memory than this: the caller hands over by itself.
    MOST = 200_000

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.channel = channel
        self._waiting: deque[tuple[str, float, int, int]] = deque()
        self._thread: Any = None
        self._handing = _thread.allocate_lock()
        channel.before_result.append(self.hand_over)

    def point(self, key: str, value: float, step: int | None, timestamp: int) -> None:
        self._waiting.append((key, value, self.step_of(key, step), timestamp))
        if self._thread is None:
            self._start()
        elif len(self._waiting) > self.MOST:
            self.hand_over()

    def texts(self, params: dict[str, str], tags: dict[str, str]) -> None:
        self.hand_over()
        self.channel.send_metrics([], params, tags)

    def hand_over(self) -> None:
        """Returns when all that waited is with the agent, also what another thread has taken."""
        with self._handing:
            while points := self._take():
                self.channel.send_metrics(points)

    def _take(self) -> list[dict[str, Any]]:
        points: list[dict[str, Any]] = []
        while self._waiting and len(points) < self.FRAME:
            key, value, step, timestamp = self._waiting.popleft()
            told = value if math.isfinite(value) else _WORDS.get(value, "NaN")
            points.append({"key": key, "value": told, "step": step, "timestampMs": timestamp})
        return points

    def _start(self) -> None:
        import threading

        self._thread = threading.Thread(target=self._work, name="headwater-metrics", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        import time

        while not self.channel.over and self.channel.usable:
            time.sleep(self.LINGER)
            try:
                self.hand_over()
            except OSError:  # the agent is gone, and the task with it
                return


_task: TaskTarget | None = None


def target() -> Target:
    """Where values go now. Raises FailedPrecondition when nowhere."""
    runs = sys.modules.get("headwater.tracking.runs")
    if runs is not None and (run := runs.active_run()) is not None:
        return run
    return step() or _nowhere()


def step() -> "Target | None":
    """The step that this process runs, or that has started it."""
    global _task
    channel = active()
    if channel is not None:
        if _task is None or _task.channel is not channel:
            _task = TaskTarget(channel)
        return _task
    if run_id := step_run_id():
        from headwater.tracking.runs import run_of

        return run_of(run_id)
    return None


def step_run_id() -> str:
    """The tracked run of the step whose environment this is; "" outside."""
    return os.environ.get("HEADWATER_TRACKED_RUN_ID", "") if os.environ.get("HEADWATER_TOKEN") else ""


def _nowhere() -> "Target":
    raise FailedPrecondition(
        "nothing to log to: this is neither a step of a flow nor inside of start_run()",
        hint='with headwater.start_run(experiment="mine"): …',
    )


def check_step(step: Any) -> int:
    try:
        number = int(step)
        if number != step or not -_INT64 <= number < _INT64:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgument(f"step={step!r} is not a whole number of 64 bits", field="step") from None
    return number
