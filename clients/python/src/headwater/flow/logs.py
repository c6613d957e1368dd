"""`logs show RUN/STEP[/TASK]`: what tasks wrote, oldest first. Reads the executor's logs through the gateway."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from headwater.errors import FlowError
from headwater.flow.terminal import clock

if TYPE_CHECKING:
    import argparse

    from headwater.flow.terminal import Terminal


def logs_command(options: argparse.Namespace, terminal: Terminal) -> int:
    """Prints the lines of one task or of all tasks of a step."""
    run, step, task = split_pathspec(options.pathspec)
    found = False
    for chunk in _chunks(run, step, task, options.stream):
        found = True
        where = f"[{chunk.get('taskId', '0')}] " if not task else ""
        for line in chunk.get("lines", ()):
            _print(line, where, options, terminal)
    if not found:
        terminal.note(f"No output of {options.pathspec}.")
    return 0


def split_pathspec(text: str) -> tuple[str, str, str]:
    """RUN/STEP[/TASK] as its parts, task "" when it is left out. A leading flow name is understood too."""
    parts = text.strip("/").split("/")
    if len(parts) == 4:
        parts = parts[1:]
    if len(parts) not in (2, 3) or not all(parts):
        raise FlowError(
            f"{text!r} does not name a step or a task",
            hint="write RUN/STEP or RUN/STEP/TASK, for example latest/train/0",
        )
    return parts[0], parts[1], parts[2] if len(parts) == 3 else ""


def _chunks(run: str, step: str, task: str, stream: str) -> Iterator[dict[str, Any]]:
    from headwater.client.http import API, connect, segment

    query = {"step": step, "taskId": task, "stream": stream}
    return connect().pages(f"{API}/runs/{segment(run)}/logs", "chunks", query)


def _print(line: dict[str, Any], where: str, options: argparse.Namespace, terminal: Terminal) -> None:
    time = f"{clock(line['time'])} " if options.timestamps and line.get("time") else ""
    text = f"{time}{where}{line.get('text', '').rstrip(chr(10))}"
    if line.get("stream") == "LOG_STREAM_STDERR" and not options.stream:
        sys.stdout.flush()
        print(text, file=sys.stderr)
    else:
        terminal.plain(text)
