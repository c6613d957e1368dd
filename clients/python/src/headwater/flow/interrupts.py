"""Ctrl-C and SIGTERM while a run is followed: the first asks to cancel the run, the second gives up waiting."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any


class Interrupted(BaseException):
    """The user wants the command to stop. `status` is the exit status that says so to a shell."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


class Interrupts:
    """Turns signals into Interrupted; while `held`, the first one waits until release().

    Starting a run is one request that must not be torn in two: afterwards nobody would know which run to cancel.
    """

    def __init__(self) -> None:
        self.held = False
        self._pending = 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interrupts:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self._previous[number] = signal.signal(number, self._handle)
            except ValueError:  # not the main thread: the signals are not ours
                break
        return self

    def __exit__(self, *exc: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def release(self) -> None:
        """Ends the hold; raises Interrupted when a signal came meanwhile."""
        self.held = False
        if self._pending:
            number, self._pending = self._pending, 0
            raise Interrupted(number)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.held and not self._pending:
            self._pending = number
            return
        raise Interrupted(number)
