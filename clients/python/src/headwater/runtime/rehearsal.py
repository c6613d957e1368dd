"""A task of nothing, run by a parked child while it waits, and by a zygote before it forks.

After a fork the first write to each page copies it, which costs a trivial task more than all else. The rehearsal walks
the same code as a task does, so those copies are made ahead of need. It leaves nothing behind.
"""

import os
import socket
import sys
from pathlib import Path
from typing import Any

from headwater.flow.current import current
from headwater.flow.spec import FlowSpec, step
from headwater.runtime import channel, frames, reads
from headwater.runtime.execute import Context, StepRun
from headwater.runtime.task import Task, parse


class Rehearsal(FlowSpec):
    @step
    def start(self) -> None:
        self.rehearsed = True
        self.next(self.end)

    @step
    def end(self) -> None:
        """Named by start."""


_ASSIGNMENT: dict[str, Any] = {
    "key": {"runId": "rehearsal", "step": "start"},
    "attempt": 1,
    "flow": "Rehearsal",
    "step": {"name": "start", "transition": "TRANSITION_LINEAR", "next": ["end"]},
    "inputs": [{"key": {"runId": "rehearsal", "step": "before"}, "result": "eyJ2IjoxfQ=="}],
}


def rehearse(directory: Path, surround: Any) -> None:
    """Never raises; `surround` is what a task does to its process before it runs."""
    environ = dict(os.environ)
    here, there = socket.socketpair()
    try:
        frames.send(there, {"op": "task", "task": _ASSIGNMENT})
        message = frames.receive(here)
        assert message is not None
        task = parse(message["task"])
        surround(task)
        line = channel.Channel(here, directory, directory)
        line.send({"op": "result", **_run(task, line, directory)})
    except Exception as error:
        sys.stderr.write(f"headwater: rehearsal failed: {error!r}\n")
    finally:
        channel.deactivate()
        reads.watch(None)
        current._clear()
        _restore(environ)
        here.close()
        there.close()


def _restore(environ: dict[str, str]) -> None:
    for name, value in list(os.environ.items()):
        if name not in environ:
            del os.environ[name]
        elif value != environ[name]:
            os.environ[name] = environ[name]


def _run(task: Task, line: channel.Channel, directory: Path) -> dict[str, Any]:
    return StepRun(task, Context(Rehearsal, line, directory, directory, directory)).result()
