"""`headwater artifacts put`, and `ls` and `get` of "files:PATH": a project's files, which are names for blobs.

Compares artifacts, too: `headwater artifacts diff`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from headwater.cli import output
from headwater.errors import ArtifactError, NotFound

FILES = "files:"


def is_files(target: str) -> bool:
    return target.startswith(FILES)


@click.command("put")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.argument("path", required=False)
@output.json_option
def put(source: Path, path: str | None, as_json: bool) -> None:
    """Store a file, or all files of a folder, among the files of the project.

    PATH is where they go, by default the name of SOURCE; what was there is replaced. `headwater artifacts ls files:`
    lists, `headwater artifacts get files:PATH -o FILE` fetches.
    """
    from headwater.artifacts import blobs
    from headwater.client.http import connect

    connection = connect()
    where = (path or source.name).removeprefix(FILES).strip("/")
    found = [source] if source.is_file() else sorted(each for each in source.rglob("*") if each.is_file())
    if not found:
        raise ArtifactError(f"folder {source} has no files")
    stored: list[dict[str, Any]] = []
    for file in found:
        name = where if file == source else f"{where}/{file.relative_to(source).as_posix()}"
        body = {"path": name, "digest": blobs.put(file, connection)}
        reply = connection.call("POST", f"/api/v1/projects/{connection.project}/files", body, repeatable=True)
        stored.append(reply["file"])
    if as_json:
        output.print_json(stored)
        return
    for file in stored:
        click.echo(f"{FILES}{file['path']}  {output.size(int(file.get('size', 0)))}  {file['digest'][:12]}")


def ls(target: str, as_json: bool) -> None:
    """One folder of the project's files."""
    rows = list(_children(target.removeprefix(FILES).strip("/")))
    if as_json:
        output.print_json(rows)
        return
    lines = [
        (f"{row['path']}/" if row.get("folder") else row["path"],
         "" if row.get("folder") else output.size(int(row.get("size", 0))), row.get("digest", "")[:12])
        for row in rows
    ]  # fmt: skip
    output.table(("PATH", "SIZE", "SHA256"), lines, empty=f"No files in {target}.")


def _children(path: str) -> Iterator[dict[str, Any]]:
    from headwater.client.http import connect

    connection = connect()
    return connection.pages(f"/api/v1/projects/{connection.project}/files", "files", {"path": path})


def get(target: str, to: Path | None, as_json: bool) -> None:
    """A file to stdout or to a file, a folder into a folder."""
    path = target.removeprefix(FILES).strip("/")
    if not path:
        raise NotFound("files: is a folder", hint="name a file or a folder in it, e.g. files:data/x.csv")
    rows = [row for row in _children(path.rpartition("/")[0]) if row["path"] == path]
    if not rows:
        raise NotFound(f"there is no {target}", hint=f"`headwater artifacts ls {FILES}` lists files")
    if not rows[0].get("folder"):
        _fetch(rows[0], to)
        return
    if to is None:
        raise ArtifactError(f"{target} is a folder", hint="say with -o where to put it")
    for row in _below(path):
        inside = to / Path(row["path"]).relative_to(path)
        inside.parent.mkdir(parents=True, exist_ok=True)
        _fetch(row, inside)
    output.print_json({"folder": str(to)}) if as_json else click.echo(f"{to}: all of {target}")


def _below(path: str) -> Iterator[dict[str, Any]]:
    for row in _children(path):
        if row.get("folder"):
            yield from _below(row["path"])
        else:
            yield row


def _fetch(row: dict[str, Any], to: Path | None) -> None:
    import shutil
    import sys

    from headwater.artifacts import blobs

    blob = blobs.get(row["digest"])
    if to is not None:
        shutil.copyfile(blob, to)
        return
    with blob.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
