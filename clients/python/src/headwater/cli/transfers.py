"""`headwater experiments export|import`, `runs export|import`, `import mlflow URI`."""

import shutil
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from headwater.cli import output
from headwater.client.http import connect

if TYPE_CHECKING:
    from headwater.transfer.records import Source
    from headwater.transfer.target import Report

_TO = click.option(
    "--to", "target", type=click.Path(path_type=Path), required=True, help="A new folder, or a file *.tar.zst."
)
_INTO = click.option("--experiment", default="", help="Put all runs into this one.")


def _say(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(text, err=True)


@click.command("export")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@_TO
@output.json_option
def export_experiments(names: tuple[str, ...], target: Path, as_json: bool) -> None:
    """Write experiments to files: runs, histories, logged models and their files.

    The format is in docs/formats.md; `headwater experiments import` reads it, on any server.
    """
    from headwater.transfer.server import ServerSource

    _export(ServerSource(connect(), names), target, as_json)


@click.command("export")
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@_TO
@output.json_option
def export_runs(names: tuple[str, ...], target: Path, as_json: bool) -> None:
    """Write tracked runs to files: parameters, histories, tags, logged models and their files.

    RUN is FLOW/RUN, an id or the end of one. `headwater runs import` reads the files, on any server.
    """
    from headwater.cli.tracked import find_tracked
    from headwater.transfer.server import ServerSource

    found = [find_tracked(name)["runId"] for name in names]
    _export(ServerSource(connect(), run_ids=list(dict.fromkeys(found))), target, as_json)


def _export(source: "Source", target: Path, as_json: bool) -> None:
    from headwater.errors import InvalidArgument
    from headwater.transfer import archive, packed

    if target.exists() and packed.is_packed(target):
        raise InvalidArgument(f"{target} is there already", hint="name a new file")
    if packed.is_packed(target):
        folder = Path(tempfile.mkdtemp(prefix="headwater-export-"))
        try:
            counts = archive.write(source, folder, _say)
            packed.pack(folder, target)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    else:
        counts = archive.write(source, target, _say)
    if as_json:
        output.print_json(asdict(counts) | {"path": str(target)})
    else:
        click.echo(f"{counts.runs} runs with {counts.points:,} points, {counts.files} files in all, are in {target}.")


@click.command("import")
@click.argument("archive", type=click.Path(exists=True, path_type=Path))
@_INTO
@output.json_option
def import_archive(archive: Path, experiment: str, as_json: bool) -> None:
    """Read runs that `export` has written, a folder or a file *.tar.zst.

    They get ids of their own, always the same ones: doing it again adds what is missing and doubles nothing. An archive
    that was changed since it was written is refused.
    """
    from headwater.transfer import packed
    from headwater.transfer.archive import ArchiveSource
    from headwater.transfer.target import Target

    with packed.unpacked(archive) if archive.is_file() else nullcontext(archive) as folder:
        _print(Target(connect(), _say).put(ArchiveSource(folder), experiment), as_json)


@click.group("import")
def imports() -> None:
    """Bring in what other systems have kept."""


@imports.command("mlflow")
@click.argument("uri")
@click.option("--only", "names", multiple=True, help="Only this experiment. Repeatable.")
@click.option("--no-registry", is_flag=True, help="Leave registered models out.")
@output.json_option
def mlflow(uri: str, names: tuple[str, ...], no_registry: bool, as_json: bool) -> None:
    """Bring in what an MLflow server or store has: experiments, runs, histories, files, logged models, the registry.

    URI is what MLFLOW_TRACKING_URI was: sqlite:///mlflow.db, postgresql://…, a folder, or http://…; it is read by the
    mlflow package, which must be installed beside this command. Nothing is changed there. Runs get ids of their own,
    always the same ones, so that doing it again brings what is new since. What was deleted there, and traces, stay.
    """
    from headwater.transfer import registry
    from headwater.transfer.mlflow_store import MlflowSource
    from headwater.transfer.target import Target

    conn = connect()
    source = MlflowSource(uri, names)
    target = Target(conn, _say)
    report = target.put(source)
    versions = 0 if no_registry else registry.bring(source.client, target, _say)
    _print(report, as_json, versions)


def _print(report: "Report", as_json: bool, versions: int = 0) -> None:
    found: dict[str, Any] = asdict(report) | {"versions": versions}
    if as_json:
        output.print_json(found)
        return
    before = f" ({report.runs_there_before} were there)" if report.runs_there_before else ""
    click.echo(
        f"{report.runs} runs of {report.experiments} experiments came{before}, with {report.points:,} points, "
        f"{report.files} files, {report.models} logged models and {versions} model versions."
    )
    for text in report.skipped:
        click.echo(f"Left out: {text}", err=True)
