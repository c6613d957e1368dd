"""`headwater logs`: the output of a run, a step or a task; or, by name or without one, of the platform's processes."""

from collections.abc import Iterable, Iterator
from typing import Any

import click

from headwater.cli import output
from headwater.cli.ids import find_run
from headwater.client.http import API, connect, segment
from headwater.client.pathspec import split_target


@click.command()
@click.argument("target", metavar="[RUN[/STEP[/TASK]]]", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on until the run is over.")
@click.option("--stderr", "stream", flag_value="stderr", help="Only what was written to stderr.")
@click.option("--stdout", "stream", flag_value="stdout", help="Only what was written to stdout.")
@click.option("--timestamps", "-t", is_flag=True, help="With the time of each line.")
@click.option("--service", default=None, help="The log of a process of the local platform, e.g. scheduler or nats.")
@click.option("--lines", "-n", type=click.IntRange(0), default=50, show_default=True, help="Of a process: last lines.")
@output.json_option
def logs(
    target: str | None,
    follow: bool,
    stream: str | None,
    timestamps: bool,
    service: str | None,
    lines: int,
    as_json: bool,
) -> None:
    """Print what the tasks of a run wrote, oldest first; RUN may be "latest".

    Without RUN, or with the name of a process (nats, all, worker …): the log of the platform on this machine.
    """
    from headwater.cli import stack

    if target is None or service is not None or target in stack.log_names():
        stack.show_logs(service or target, follow=follow, lines=lines)
        return
    _, step, task = split_target(target)
    run = find_run(target)
    chunks: Iterable[dict[str, Any]]
    if follow:
        chunks = _live(run["runId"], step, task)
    else:
        from headwater.client.resources import list_logs

        chunks = list_logs(run["runId"], step=step, task_id=task, stream=stream or "")
    printed = _print(chunks, stream or "", timestamps, not task, as_json)
    if not printed and not as_json:
        click.echo(f"No output of {target}.", err=True)


def _live(run_id: str, step: str, task: str) -> Iterator[dict[str, Any]]:
    for event, _, data in connect().stream(f"{API}/runs/{segment(run_id)}/stream", {"logs": True}):
        if event != "log":
            continue
        wrote = data.get("key", {}).get("step", "")
        if (not step or wrote == step) and (not task or (data.get("taskId") or "0") == task):
            yield data


def _print(chunks: Iterable[dict[str, Any]], stream: str, times: bool, name_tasks: bool, as_json: bool) -> bool:
    wanted = f"LOG_STREAM_{stream.upper()}" if stream else ""
    printed = False
    for chunk in chunks:
        where = f"[{chunk.get('key', {}).get('step', '')}/{chunk.get('taskId') or '0'}] " if name_tasks else ""
        for line in chunk.get("lines", ()):
            if wanted and line.get("stream") != wanted:
                continue
            printed = True
            if as_json:
                output.print_json({"step": chunk.get("key", {}).get("step", ""), "taskId": chunk.get("taskId"), **line})
                continue
            time = f"{output.when(line.get('time'))} " if times else ""
            _line(f"{time}{where}", line)
    return printed


def _line(head: str, line: dict[str, Any]) -> None:
    text = line.get("text", "").rstrip("\n")
    if output.fancy():
        colour = {"LOG_STREAM_STDERR": "yellow", "LOG_STREAM_SYSTEM": "blue"}.get(line.get("stream", ""))
        click.echo(click.style(head, dim=True) + (click.style(text, fg=colour) if colour else text))
    else:
        click.echo(f"{head}{text}")
