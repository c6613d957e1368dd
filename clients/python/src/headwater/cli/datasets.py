"""`headwater datasets`: list, show, create, fetch, alias, tag, delete and adopt versions of data."""

import shutil
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import click

from headwater.cli import output
from headwater.client.http import connect
from headwater.datasets.read import datasets_path
from headwater.datasets.types import DATUM, parse_reference
from headwater.errors import ArtifactError, InvalidArgument

MOST_SHOWN = 20


@click.group(invoke_without_command=True)
@output.json_option
@click.pass_context
def datasets(ctx: click.Context, as_json: bool) -> None:
    """Datasets: named lists of files with versions that never change, and aliases that move between them.

    A version is dataset://NAME/VERSION, or NAME/VERSION here: a number, a name, an alias, or latest.
    """
    if ctx.invoked_subcommand is None:
        _ls(as_json)


@datasets.command("ls")
@output.json_option
def ls(as_json: bool) -> None:
    """List datasets with their aliases."""
    _ls(as_json)


def _ls(as_json: bool) -> None:
    conn = connect()
    found = list(conn.pages(datasets_path(conn), "datasets"))
    if as_json:
        output.print_json(found)
        return
    rows = (
        (each["name"], int(each.get("latestVersion", 0)), _aliases(each), output.when(each.get("updatedAt")))
        for each in found
    )
    output.table(("DATASET", "LATEST", "ALIASES", "UPDATED"), rows, empty="No datasets.")


def _aliases(dataset: dict[str, Any]) -> str:
    return ", ".join(f"{alias} → {version}" for alias, version in sorted(dataset.get("aliases", {}).items()))


@datasets.command("show")
@click.argument("reference", metavar="NAME[/VERSION]")
@click.option("--files", is_flag=True, help="With all files: of the given version, else of the latest.")
@output.json_option
def show(reference: str, files: bool, as_json: bool) -> None:
    """Show a dataset with its versions and the moves of its aliases, or one version with its files."""
    conn = connect()
    name, version, path = parse_reference(reference)
    if "/" in reference.removeprefix("dataset://") or files:
        body = conn.call("GET", datasets_path(conn, name, version))["version"]
        where = f"{datasets_path(conn, name, str(body['version']))}/files"
        if as_json:
            body["fileList"] = list(conn.pages(where, "files", {"path": path}))
            output.print_json(body)
            return
        _version(body)
        most = None if files else MOST_SHOWN
        rows = list(islice(conn.pages(where, "files", {"path": path}, page_size=most or 1000), most))
        click.echo()
        output.table(("PATH", "SIZE", "DATUM", "WHERE"), (_file(row) for row in rows))
        if len(rows) < int(body.get("files", 0)) and not path:
            click.echo("… --files shows all.")
        return
    dataset = conn.call("GET", datasets_path(conn, name))["dataset"]
    versions = list(conn.pages(f"{datasets_path(conn, name)}/versions", "versions"))
    moves = list(conn.pages(f"{datasets_path(conn, name)}/moves", "moves"))
    if as_json:
        output.print_json({"dataset": dataset, "versions": versions, "moves": moves})
        return
    output.fields(
        [
            ("Dataset", dataset["name"]),
            ("Description", dataset.get("description")),
            ("Latest version", dataset.get("latestVersion")),
            ("Aliases", _aliases(dataset)),
            ("Tags", _pairs(dataset.get("tags", {}))),
            ("Created", output.when(dataset.get("createdAt"))),
        ]
    )
    click.echo()
    columns = ("VERSION", "NAME", "ALIASES", "FILES", "SIZE", "MADE FROM", "CREATED", "BY")
    output.table(columns, (_version_row(each) for each in versions), empty="No versions.")
    if moves:
        click.echo()
        output.table(("WHEN", "ALIAS", "FROM", "TO", "BY", "WHY"), (_move(each) for each in moves))


def _version_row(each: dict[str, Any]) -> tuple[Any, ...]:
    return (
        int(each.get("version", 0)),
        each.get("name", ""),
        ", ".join(each.get("aliases", ())),
        int(each.get("files", 0)),
        output.size(each.get("size")),
        ", ".join(source["uri"] for source in each.get("sources", ())),
        output.when(each.get("createdAt")),
        output.actor(each.get("createdBy")),
    )


def _move(each: dict[str, Any]) -> tuple[Any, ...]:
    before, after = int(each.get("previousVersion", 0)), int(each.get("version", 0))
    who = output.actor(each.get("actor"))
    return (output.when(each.get("at")), each["alias"], before or "", after or "removed", who, each.get("reason", ""))


def _version(body: dict[str, Any]) -> None:
    made = "/".join(filter(None, (body.get(key, "") for key in ("runId", "step", "taskId"))))
    output.fields(
        [
            ("Version", body["uri"]),
            ("Name", body.get("name")),
            ("Aliases", ", ".join(body.get("aliases", ()))),
            ("Description", body.get("description")),
            ("Files", body.get("files")),
            ("Size", output.size(body.get("size"))),
            ("Digest", body.get("digest")),
            ("Tags", _pairs(body.get("tags", {}))),
            ("Made from", ", ".join(f"{each['uri']} ({each.get('files', 0)})" for each in body.get("sources", ()))),
            ("Made by", made),
            ("Created", f"{output.when(body.get('createdAt'))} by {output.actor(body.get('createdBy'))}"),
        ]
    )


def _file(row: dict[str, Any]) -> tuple[str, str, str, str]:
    where = row["object"]["uri"] if "object" in row else row.get("digest", "")[:12]
    return row["path"], output.size(row.get("size")), row.get("datumId", ""), where


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(values.items()))


def _globs(function: Any) -> Any:
    for option in (
        click.option("--to", default="", metavar="FOLDER", help="Folder of the version that all files go to."),
        click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these files out; may be repeated."),
        click.option("--keep", multiple=True, metavar="GLOB", help="Take only these files; may be repeated."),
        click.option("--description", default="", help="What it is."),
        click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag; may be repeated."),
        click.option("--alias", "aliases", multiple=True, help="Point this alias at the version; may be repeated."),
        click.option("--name", "version_name", default="", help="A name of the version, beside its number."),
    ):
        function = option(function)
    return output.json_option(function)


@datasets.command("create")
@click.argument("name")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@_globs
def create(name: str, sources: tuple[str, ...], **options: Any) -> None:
    """Make the next version of a dataset from files, folders, and other versions.

    SOURCE: a path, dataset://NAME/VERSION, datum://ID, artifact://RUN/STEP/NAME, or s3://BUCKET/PREFIX, whose objects
    are not copied. A path that is given replaces the file of that path which another version brings.
    """
    _create(name, sources, **options)


@datasets.command("adopt")
@click.argument("name")
@click.argument("uris", nargs=-1, required=True, metavar="s3://BUCKET/PREFIX...")
@_globs
def adopt(name: str, uris: tuple[str, ...], **options: Any) -> None:
    """Make a version of objects that stay where they are in S3.

    Their address, etag, size and version are recorded; who reads one that was overwritten since gets an error.
    Credentials are those of the S3 tool: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, METAFLOW_S3_ENDPOINT_URL.
    """
    for uri in uris:
        if not uri.startswith("s3://"):
            raise InvalidArgument(f"{uri!r} is no address of objects", hint="s3://BUCKET/PREFIX")
    _create(name, uris, **options)


def _create(
    name: str,
    sources: tuple[str, ...],
    *,
    version_name: str,
    aliases: tuple[str, ...],
    tags: tuple[str, ...],
    description: str,
    keep: tuple[str, ...],
    exclude: tuple[str, ...],
    to: str,
    as_json: bool,
) -> None:
    from headwater.datasets.sources import Source
    from headwater.datasets.write import create_version

    made = create_version(
        name,
        [Source(each, to=to) for each in sources],
        keep=keep,
        exclude=exclude,
        name=version_name,
        aliases=aliases,
        tags=_parsed(tags),
        description=description,
    )
    if as_json:
        conn = connect()
        output.print_json(conn.call("GET", datasets_path(conn, name, str(made.version)))["version"])
        return
    also = f", {', '.join(made.aliases)}" if made.aliases else ""
    click.echo(f"{made.uri}{also}: {made.files} files, {output.size(made.size)}.")


def _parsed(pairs: tuple[str, ...]) -> dict[str, str]:
    found = [pair.partition("=") for pair in pairs]
    if wrong := [key for key, sign, _ in found if not sign or not key]:
        raise InvalidArgument(f"{wrong[0]!r} is no tag", hint="KEY=VALUE")
    return {key: value for key, _, value in found}


@datasets.command("get")
@click.argument("reference", metavar="NAME/VERSION[/PATH]|datum://ID")
@click.option("--output", "-o", "to", type=click.Path(path_type=Path), help="Copy to this folder, or file.")
@output.json_option
def get(reference: str, to: Path | None, as_json: bool) -> None:
    """Fetch the files of a version, or one of them.

    Without -o a single file goes to stdout, and of a folder the path of a read-only copy is printed. What is there
    already and equal is not fetched again.
    """
    fetch(reference, to, as_json)


def fetch(reference: str, to: Path | None, as_json: bool) -> None:
    from headwater.datasets.download import download

    path = download(reference, to)
    if as_json:
        output.print_json({"path": str(path), "folder": path.is_dir()})
    elif to is not None or path.is_dir():
        click.echo(path)
    else:
        with path.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)


@datasets.command("alias")
@click.argument("name", metavar="NAME|datum://ID")
@click.argument("alias")
@click.argument("version", required=False)
@click.option("--delete", is_flag=True, help="Take the alias away.")
@click.option("--reason", "-r", default="", help="Why; kept with the move.")
@click.option("--expected-version", type=int, default=None, help="Refuse unless the alias points there now (0: unset).")
@output.json_option
def alias(
    name: str, alias: str, version: str | None, delete: bool, reason: str, expected_version: int | None, as_json: bool
) -> None:
    """Point an alias at a version of a dataset: a number, a name, latest, or another alias.

    With datum://ID for NAME the alias is one of that file: datum://ALIAS.
    """
    from headwater.datasets import write

    if name.startswith(DATUM):
        if version is not None:
            raise InvalidArgument("a file has no versions", hint=f"headwater datasets alias {name} {alias}")
        if delete:
            write.remove_datum_alias(alias)
        uri = "" if delete else write.set_datum_alias(alias, name)
        text = f"datum://{alias} is {uri}." if uri else f"datum://{alias} is no more."
        output.print_json({"alias": alias, "uri": uri}) if as_json else click.echo(text)
        return
    if delete == (version is not None):
        raise InvalidArgument("give a version, or --delete", hint=f"headwater datasets alias {name} {alias} latest")
    if delete:
        move = write.remove_alias(name, alias, reason=reason)
    else:
        move = write.set_alias(name, alias, version or "", reason=reason, expected=expected_version)
    if as_json:
        output.print_json({"alias": alias, "version": move.version, "previousVersion": move.previous_version})
        return
    came = f" (was version {move.previous_version})" if move.previous_version else ""
    where = f"version {move.version}" if move.version else "no more"
    click.echo(f"dataset://{name}/{alias} is {where}{came}.")


@datasets.command("tag")
@click.argument("reference", metavar="NAME[/VERSION]")
@click.argument("tags", nargs=-1, metavar="[KEY=VALUE...]")
@click.option("--delete", multiple=True, metavar="KEY", help="Delete this tag; may be repeated.")
@output.json_option
def tag(reference: str, tags: tuple[str, ...], delete: tuple[str, ...], as_json: bool) -> None:
    """Set and delete tags of a dataset or of one version."""
    from headwater.datasets.write import tag as change

    if not tags and not delete:
        raise InvalidArgument("there is nothing to change", hint="KEY=VALUE, or --delete KEY")
    now = change(reference, _parsed(tags), delete=delete).tags
    output.print_json(now) if as_json else click.echo(_pairs(now) or "No tags.")


@datasets.command("delete")
@click.argument("reference", metavar="NAME[/VERSION]")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@output.json_option
def delete(reference: str, yes: bool, as_json: bool) -> None:
    """Delete one version, or a dataset with all versions. Files that nobody needs are collected later."""
    from headwater.datasets.write import delete as remove

    if not yes:
        if not sys.stdin.isatty():
            raise ArtifactError(f"{reference} was not deleted", hint="say --yes")
        click.confirm(f"Delete {reference}?", abort=True, err=True)
    remove(reference)
    output.print_json({"deleted": reference}) if as_json else click.echo(f"{reference} is deleted.")
