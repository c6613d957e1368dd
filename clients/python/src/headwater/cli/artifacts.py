"""`headwater artifacts RUN[/STEP[/TASK]]`: what steps left behind; beside it get, put, diff and lineage."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli import artifact_files, output
from headwater.cli.artifact_diff import diff
from headwater.cli.artifact_lineage import lineage
from headwater.cli.ids import find_run
from headwater.client.pathspec import split_target
from headwater.errors import ArtifactError, InvalidArgument, NotFound

if TYPE_CHECKING:
    from headwater.client.tasks import Task

PREVIEW = 60


class _Group(click.Group):
    """`artifacts RUN` without a subcommand means `artifacts ls RUN`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["ls", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Group)
def artifacts() -> None:
    """List, fetch and compare what steps left behind, and the files of the project.

    headwater artifacts RUN[/STEP[/TASK]] lists; headwater artifacts get RUN/STEP[/TASK] NAME -o FILE fetches.
    """


for _command in (artifact_files.put, diff, lineage):
    artifacts.add_command(_command)


@artifacts.command("ls")
@click.argument("target", metavar="RUN[/STEP[/TASK]]|files:[PATH]")
@click.option("--values", is_flag=True, help="Load and show values; runs code that the values bring along.")
@output.json_option
def ls(target: str, values: bool, as_json: bool) -> None:
    """List artifacts; of a whole run those of its last step and what each step made."""
    if artifact_files.is_files(target):
        artifact_files.ls(target, as_json)
        return
    rows = rows_of(target, values)
    if as_json:
        output.print_json(rows)
        return
    columns = ("STEP", "TASK", "NAME", "TYPE", "SIZE", "SHA256") + (("VALUE",) if values else ())
    lines = [
        (r["step"], r["taskId"], r["name"], r["type"], output.size(r["size"]), r["digest"][:12])
        + ((r.get("value", ""),) if values else ())
        for r in rows
    ]
    output.table(columns, lines, empty=f"No artifacts in {target}.")


def rows_of(target: str, values: bool) -> list[dict[str, Any]]:
    return [_row(task, name, entry, values) for task in _tasks(target) for name, entry in _made(task, target)]


@artifacts.command("get")
@click.argument("target", metavar="RUN/STEP[/TASK]|files:PATH|dataset://…|datum://…")
@click.argument("name", required=False)
@click.option("--output", "-o", "file", type=click.Path(path_type=Path), help="Write to this file or folder.")
@click.option("--only", default="", metavar="PATH", help="Of a folder only this file or folder.")
@output.json_option
def get(target: str, name: str | None, file: Path | None, only: str, as_json: bool) -> None:
    """Fetch one artifact: its repr to stdout, or with -o to FILE.

    Text and bytes are written as they are, JSON data to a *.json file, file artifacts and folders are copied,
    everything else is pickled.
    """
    if artifact_files.is_files(target):
        artifact_files.get(target, file, as_json)
        return
    if target.startswith(("dataset://", "datum://")):
        from headwater.cli.datasets import fetch

        fetch(target, file, as_json)
        return
    if name is None:
        raise InvalidArgument("which artifact?", hint=f"`headwater artifacts {target}` lists them")
    tasks = [task for task in _tasks(target) if name in task]
    if not tasks:
        raise NotFound(f"{target} has no artifact {name!r}", hint=f"`headwater artifacts {target}` lists them")
    if len(tasks) > 1 and split_target(target)[1]:
        raise InvalidArgument(
            f"{len(tasks)} tasks of {target} have {name!r}", hint=f"name the task, e.g. {target}/{tasks[0].id}"
        )
    value = tasks[-1][name].data
    if only:
        value = _inside(value, only, name)
    if file is None:
        _print_value(value, as_json)
        return
    written = write_value(value, file)
    told = {"file": str(file), "size": written, "artifact": tasks[-1][name].pathspec}
    output.print_json(told) if as_json else click.echo(f"{file}: {output.size(written)} of {told['artifact']}")


def _inside(value: Any, only: str, name: str) -> Path:
    if not isinstance(value, Path) or not value.is_dir():
        raise InvalidArgument(f"{name} is no folder, so --only {only} means nothing")
    found = value / only
    if ".." in Path(only).parts or Path(only).is_absolute() or not found.exists():
        raise NotFound(f"folder {name} has no {only!r}")
    return found


def _print_value(value: Any, as_json: bool) -> None:
    if as_json:
        try:
            output.print_json(value)
        except (TypeError, ValueError):
            output.print_json({"repr": repr(value)})
    elif isinstance(value, (str, Path)):
        click.echo(value)
    else:
        click.echo(repr(value))


def write_value(value: Any, file: Path) -> int:
    """Writes a value in the form its type and the file's name suggest; returns the number of bytes."""
    if isinstance(value, Path) and value.is_dir():
        return _write_folder(value, file)
    if file.is_dir():
        raise ArtifactError(f"{file} is a folder", hint="name the file to write")
    if isinstance(value, Path):
        data = value.read_bytes()
    elif isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
    elif isinstance(value, str):
        data = value.encode()
    elif file.suffix == ".json":
        import json

        try:
            data = json.dumps(value, indent=2).encode()
        except (TypeError, ValueError) as error:
            raise ArtifactError(f"the value is not JSON: {error}", hint="write it to a .pkl file") from None
    else:
        import pickle

        data = pickle.dumps(value, protocol=5)
    file.write_bytes(data)
    return len(data)


def _write_folder(value: Path, folder: Path) -> int:
    import shutil

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArtifactError(f"{folder} exists and is not empty", hint="name a new folder")
    shutil.copytree(value, folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _tasks(target: str) -> list["Task"]:
    from headwater.client.runs import Run

    _, step, task = split_target(target)
    run = Run(find_run(target)["runId"])
    if not step:
        return [each for found in run.steps() for each in found]
    if step not in {node["name"] for node in run.graph}:
        known = ", ".join(node["name"] for node in run.graph)
        raise NotFound(f"run {run.pathspec} has no step {step!r}; its steps are {known}")
    if step not in run:
        return []
    if not task:
        return list(run[step])
    if task not in run[step]:
        raise NotFound(f"step {run.pathspec}/{step} has no task {task!r}")
    return [run[step][task]]


def _made(task: "Task", target: str) -> list[tuple[str, dict[str, Any]]]:
    """Artifacts to list: of a whole run only where they were assigned, of a step or a task all."""
    values = task._values  # pyright: ignore[reportPrivateUsage]
    names = values.assigned() if not split_target(target)[1] else values.names()
    return [(name, values.entry(name)) for name in names]


def _row(task: "Task", name: str, entry: dict[str, Any], values: bool) -> dict[str, Any]:
    _, _, step, task_id = task.path_components
    row = {
        "step": step,
        "taskId": task_id,
        "name": name,
        "type": entry.get("type", ""),
        "size": int(entry.get("size", 0)),
        "digest": entry.get("digest", ""),
        "encoding": entry.get("encoding", ""),
    }
    if values:
        text = repr(task[name].data)
        row["value"] = text if len(text) <= PREVIEW else f"{text[: PREVIEW - 1]}…"
    return row
