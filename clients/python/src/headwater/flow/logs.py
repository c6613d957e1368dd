"""`logs show|scrub RUN/STEP[/TASK]`: what tasks wrote, oldest first, or its deletion. The executor keeps the lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from headwater.errors import FlowError
from headwater.flow.terminal import clock

if TYPE_CHECKING:
    import argparse

    from headwater.flow.terminal import Terminal


def logs_command(cls: type, options: argparse.Namespace, terminal: Terminal) -> int:
    """Prints or deletes the lines of one task or of all tasks of a step."""
    run, step, task = split_pathspec(options.pathspec)
    tasks = _tasks(cls.__name__, run, step, task)
    stream = _stream(options)
    if options.action == "scrub":
        return _scrub(tasks, stream, options, terminal)
    found = False
    for chunk in _chunks(tasks, stream, options.attempt):
        found = True
        where = f"[{chunk.get('taskId', '0')}] " if not task else ""
        for line in chunk.get("lines", ()):
            _print(line, where, stream, options.timestamps, terminal)
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


def _tasks(flow: str, run: str, step: str, task: str) -> list[Any]:
    """The tasks that a path names. Raises NotFound."""
    from headwater.client import Run, Step

    run_id = Run(f"{flow}/{run}", _namespace_check=False).id
    found = Step(f"{flow}/{run_id}/{step}", _namespace_check=False)
    return [found[task]] if task in found else list(found) if not task else [_missing(found, task)]


def _missing(step: Any, task: str) -> Any:
    raise FlowError(
        f"step {step.pathspec} has no task {task!r}", hint=f"it has {len(step)}, the first is {step.task.id}"
    )


def _stream(options: argparse.Namespace) -> str:
    """ "stdout", "stderr" or "" for both."""
    if options.stdout == options.stderr:
        return ""
    return "stdout" if options.stdout else "stderr"


def _chunks(tasks: list[Any], stream: str, attempt: int | None) -> Iterator[dict[str, Any]]:
    """What the last attempt of each task wrote, or another one; that of many tasks of a run in one request."""
    from headwater.client.resources import list_logs

    if len(tasks) == 1:
        yield from tasks[0].attempt(attempt).log_chunks(stream)
        return
    wanted = {task.id: task.dispatch_of(attempt) for task in tasks if attempt is None or attempt <= task.retry_count}
    runs = dict.fromkeys((task.origin_pathspec or task.pathspec).split("/")[1] for task in tasks)
    ours = tasks[0].path_components[1]
    for run in runs:
        for chunk in list_logs(run, step=tasks[0].parent.id, stream=stream):
            expected = wanted.get(chunk.get("taskId", "0"))
            if expected is not None and (run != ours or chunk.get("attempt", 0) == expected):
                yield chunk


def _scrub(tasks: list[Any], stream: str, options: argparse.Namespace, terminal: Terminal) -> int:
    """Deletes what tasks wrote: of the last attempt, of one, or of all."""
    from headwater.client.resources import delete_logs

    done = [task for task in tasks if task.finished or options.include_not_done]
    if not done:
        raise FlowError(
            f"no task of {options.pathspec} has finished", hint="--include-not-done scrubs those that have not too"
        )
    for task in done:
        _, run, step, task_id = task.path_components
        attempt = 0 if options.every else task.dispatch_of(options.attempt)
        lines = delete_logs(run, step=step, task_id=task_id, stream=stream, attempt=attempt)
        terminal.note(f"Logs have been scrubbed for {task.pathspec}: {lines} lines are gone.")
    if len(done) < len(tasks):
        terminal.note(f"{len(tasks) - len(done)} tasks have not finished: --include-not-done scrubs them too.")
    return 0


def _print(line: dict[str, Any], where: str, stream: str, timestamps: bool, terminal: Terminal) -> None:
    time = f"{clock(line['time'])} " if timestamps and line.get("time") else ""
    text = f"{time}{where}{line.get('text', '').rstrip(chr(10))}"
    if line.get("stream") == "LOG_STREAM_STDERR" and not stream:
        sys.stdout.flush()
        print(text, file=sys.stderr)
    else:
        terminal.plain(text)
