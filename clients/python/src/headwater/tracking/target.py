"""Where logged values go: the channel of the task that this process runs, else the run that start_run() began.

Part of every task that logs, so it imports next to nothing.
"""

import sys
from typing import TYPE_CHECKING, Any, Protocol

from headwater.errors import FailedPrecondition, InvalidArgument
from headwater.runtime.channel import Channel, active

if TYPE_CHECKING:
    from headwater.tracking.session import ActiveRun


class Target(Protocol):
    def step_of(self, key: str, step: int | None) -> int: ...

    def send(self, metrics: list[dict[str, Any]], params: dict[str, str], tags: dict[str, str]) -> None: ...


class Steps:
    """Counts the points of each key that were logged without a step."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}

    def step_of(self, key: str, step: int | None) -> int:
        number = self._next.get(key, 0) if step is None else check_step(step)
        self._next[key] = number + 1
        return number


class TaskTarget(Steps):
    """The task that this process runs."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self.channel = channel

    def send(self, metrics: list[dict[str, Any]], params: dict[str, str], tags: dict[str, str]) -> None:
        self.channel.send_metrics(metrics, params, tags)


_task: TaskTarget | None = None


def target() -> Target:
    """Where values go now. Raises FailedPrecondition when nowhere."""
    global _task
    channel = active()
    if channel is not None:
        if _task is None or _task.channel is not channel:
            _task = TaskTarget(channel)
        return _task
    session = sys.modules.get("headwater.tracking.session")
    run: ActiveRun | None = session.active_run() if session is not None else None
    if run is None:
        raise FailedPrecondition(
            "nothing to log to: this is neither a step of a flow nor inside of start_run()",
            hint='with headwater.tracking.start_run(experiment="mine"): …',
        )
    return run


def check_step(step: Any) -> int:
    try:
        number = int(step)
        if number != step:
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgument(f"step={step!r} is not a whole number", field="step") from None
    return number
