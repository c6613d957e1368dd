"""`dump RUN/STEP[/TASK]`: artifacts as text, or as a pickle in a file. Reads them through the client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from headwater.flow.logs import split_pathspec

if TYPE_CHECKING:
    import argparse

    from headwater.flow.terminal import Terminal


def dump_command(cls: type, options: argparse.Namespace, terminal: Terminal) -> int:
    """Prints or writes the artifacts of one task or of all tasks of a step."""
    run, step, task = split_pathspec(options.pathspec)
    include = [name.strip() for name in options.include.split(",") if name.strip()]
    written: dict[str, dict[str, Any]] = {}
    for each in _tasks(cls.__name__, run, step, task):
        artifacts = _values(each, include, options.private)
        if options.file:
            written["/".join(each.pathspec.split("/")[1:])] = dict(artifacts)
        else:
            _print(each.pathspec, artifacts, options.max_value_size, terminal)
    if options.file:
        import pickle

        with open(options.file, "wb") as file:
            pickle.dump(written, file, protocol=5)
        terminal.note(f"Artifacts of {len(written)} tasks are in {options.file}.")
    return 0


def _tasks(flow: str, run: str, step: str, task: str) -> Iterator[Any]:
    from headwater.client import Run, Step, Task

    run_id = Run(f"{flow}/{run}", _namespace_check=False).id
    if task:
        yield Task(f"{flow}/{run_id}/{step}/{task}", _namespace_check=False)
    else:
        yield from Step(f"{flow}/{run_id}/{step}", _namespace_check=False)


def _values(task: Any, include: list[str], private: bool) -> Iterator[tuple[str, Any]]:
    for artifact in sorted(task.artifacts, key=lambda a: a.id):
        name = artifact.id
        if (include and name not in include) or (name.startswith("_") and not private):
            continue
        yield name, artifact.data


def _print(pathspec: str, artifacts: Iterator[tuple[str, Any]], most: int, terminal: Terminal) -> None:
    _, run, step, task = pathspec.split("/")
    terminal.plain(f"Dumping output of run_id={run} step={step} task_id={task}")
    for name, value in artifacts:
        text = repr(value)
        shown = text if len(text) <= most else f"(not shown: {len(text)} characters; raise --max-value-size)"
        if most == 0:
            shown = ""
        terminal.plain(f"{name:<25} {shown}")
