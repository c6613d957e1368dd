"""What the machine does while a run goes on, as metrics of the run: system/cpu_utilization_percentage and others.

The names are those of mlflow. In a step the node agent does the same by itself.
"""

import os
import threading
import time
from typing import TYPE_CHECKING

from headwater.errors import InvalidArgument

if TYPE_CHECKING:
    from headwater.tracking.runs import ActiveRun

INTERVAL = 10.0
_ON, _OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


def wanted(said: bool | None) -> bool:
    """The argument, else HEADWATER_SYSTEM_METRICS, else MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING, else not."""
    if said is not None:
        return said
    for name in ("HEADWATER_SYSTEM_METRICS", "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING"):
        value = os.environ.get(name, "").strip().lower()
        if value in _ON:
            return True
        if value not in _OFF:
            raise InvalidArgument(f"{name} is {value!r}, not true or false", field=name)
    return False


def interval() -> float:
    """Seconds between two samples."""
    for name in ("HEADWATER_SYSTEM_METRICS_INTERVAL", "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL"):
        if text := os.environ.get(name, ""):
            try:
                seconds = float(text)
            except ValueError:
                seconds = 0.0
            if not 0.1 <= seconds <= 86_400:
                raise InvalidArgument(f"{name} is {text!r}, not a number of seconds from 0.1 on", field=name)
            return seconds
    return INTERVAL


class SystemMetrics:
    """Samples until the run ends, in a thread of its own."""

    def __init__(self, run: "ActiveRun") -> None:
        self._run, self._interval, self._stop = run, interval(), threading.Event()
        threading.Thread(target=self._work, name="headwater-system", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def _work(self) -> None:
        from headwater.errors import FailedPrecondition
        from headwater.machine import Machine

        machine, pid, number = Machine(), os.getpid(), 0
        while not self._stop.wait(self._interval) and os.getpid() == pid:
            at = int(time.time() * 1000)
            try:
                for name, value in machine.sample().items():
                    self._run.point(f"system/{name}", value, number, at)
            except FailedPrecondition:  # it has just ended
                return
            number += 1
