"""`headwater models [list|show|versions]` and `headwater promote`."""

from typing import Any

import click

from headwater.cli import output
from headwater.cli.ids import short
from headwater.client.http import connect, segment
from headwater.models.read import models_path


@click.group(invoke_without_command=True)
@output.json_option
@click.pass_context
def models(ctx: click.Context, as_json: bool) -> None:
    """Models and their versions."""
    if ctx.invoked_subcommand is None:
        _list(as_json)


@models.command("list")
@output.json_option
def list_(as_json: bool) -> None:
    """List models with their aliases."""
    _list(as_json)


def _list(as_json: bool) -> None:
    conn = connect()
    found = list(conn.pages(models_path(conn), "models"))
    if as_json:
        output.print_json(found)
        return
    rows = (
        (each["name"], int(each.get("latestVersion", 0)), aliases(each), output.when(each.get("updatedAt")))
        for each in found
    )
    output.table(("MODEL", "LATEST", "ALIASES", "UPDATED"), rows, empty="No models.")


def aliases(model: dict[str, Any]) -> str:
    return ", ".join(f"{alias} → {version}" for alias, version in sorted(model.get("aliases", {}).items()))


@models.command("show")
@click.argument("name")
@click.option("--version", default="", help="A number, latest or @alias. Default: the model and its promotions.")
@output.json_option
def show(name: str, version: str, as_json: bool) -> None:
    """Show a model with its aliases and promotions, or one version with signature, metrics and lineage.

    NAME may also be name@alias or name/3.
    """
    from headwater.models.types import parse_reference

    conn = connect()
    if not version and any(mark in name for mark in "@/"):
        name, version = parse_reference(name)
    if version:
        body = conn.call("GET", f"{models_path(conn, name)}/versions/{segment(version)}")["version"]
        output.print_json(body) if as_json else _version(body)
        return
    model = conn.call("GET", models_path(conn, name))["model"]
    moves = list(conn.pages(f"{models_path(conn, name)}/promotions", "promotions"))
    if as_json:
        output.print_json({"model": model, "promotions": moves})
        return
    output.fields(
        [
            ("Model", model["name"]),
            ("Description", model.get("description")),
            ("Latest version", model.get("latestVersion")),
            ("Aliases", aliases(model)),
            ("Tags", _pairs(model.get("tags", {}))),
            ("Created", output.when(model.get("createdAt"))),
        ]
    )
    click.echo()
    output.table(("WHEN", "ALIAS", "FROM", "TO", "BY", "WHY", "METRICS"), (_move(each) for each in moves),
                 empty="Never promoted.")  # fmt: skip


def _move(each: dict[str, Any]) -> tuple[Any, ...]:
    before, after = int(each.get("previousVersion", 0)), int(each.get("version", 0))
    return (
        output.when(each.get("at")),
        each.get("alias", ""),
        before or "",
        after or "removed",
        output.actor(each.get("actor")),
        each.get("reason", ""),
        metrics_text(each.get("metrics", {})),
    )


def _version(body: dict[str, Any]) -> None:
    lineage = body.get("lineage", {})
    made = "/".join(filter(None, (lineage.get(key, "") for key in ("flow", "runId", "step", "taskId"))))
    output.fields(
        [
            ("Version", f"{body['name']}/{body.get('version')}"),
            ("Aliases", ", ".join(body.get("aliases", ()))),
            ("Description", body.get("description")),
            ("Type", body.get("type")),
            ("Size", output.size(body["size"]) if body.get("size") else ""),
            ("SHA256", body.get("digest")),
            ("Source", body.get("source")),
            ("Stage", body.get("stage", "None").replace("None", "")),
            ("Metrics", metrics_text(body.get("metrics", {}))),
            ("Tags", _pairs(body.get("tags", {}))),
            ("Made by", made),
            ("Attempt", lineage.get("attempt")),
            ("Code package", lineage.get("codePackage", "")[:12]),
            ("Registered", f"{output.when(body.get('createdAt'))} by {output.actor(body.get('createdBy'))}"),
        ]
    )
    for side in ("inputs", "outputs"):
        if fields := body.get("signature", {}).get(side):
            click.echo()
            output.table((side.upper(), "TYPE", "SHAPE"), (_field(each) for each in fields))


def _field(each: dict[str, Any]) -> tuple[str, str, str]:
    shape = "×".join("?" if int(part) < 0 else str(int(part)) for part in each.get("shape", ()))
    return each.get("name", ""), each.get("type", ""), shape


@models.command("versions")
@click.argument("name")
@output.json_option
def versions(name: str, as_json: bool) -> None:
    """List the versions of a model, newest first."""
    conn = connect()
    conn.call("GET", models_path(conn, name))
    found = list(conn.pages(f"{models_path(conn, name)}/versions", "versions"))
    found.sort(key=lambda each: -int(each.get("version", 0)))
    if as_json:
        output.print_json(found)
        return
    rows = (
        (
            int(each.get("version", 0)),
            ", ".join(each.get("aliases", ())),
            metrics_text(each.get("metrics", {})),
            each.get("type", "").rsplit(".", 1)[-1],
            output.size(each.get("size")),
            short(each.get("lineage", {}).get("runId", "")),
            output.when(each.get("createdAt")),
        )
        for each in found
    )
    output.table(("VERSION", "ALIASES", "METRICS", "TYPE", "SIZE", "RUN", "REGISTERED"), rows)


@click.command()
@click.argument("name")
@click.argument("version")
@click.option("--alias", "-a", default="champion", show_default=True, help="The alias to point at the version.")
@click.option("--reason", "-r", default="", help="Why; kept with the promotion.")
@click.option("--expected-version", type=int, default=None, help="Refuse unless the alias points there now (0: unset).")
@output.json_option
def promote(name: str, version: str, alias: str, reason: str, expected_version: int | None, as_json: bool) -> None:
    """Point an alias at a version of a model. VERSION is a number, latest, or @another-alias.

    The event model.promoted follows, and starts the flows that wait for it.
    """
    import uuid

    conn = connect()
    body: dict[str, Any] = {"version": version, "reason": reason, "requestId": str(uuid.uuid4())}
    if expected_version is not None:
        body["expectedVersion"] = expected_version
    move = conn.call("PUT", f"{models_path(conn, name)}/aliases/{segment(alias)}", body)["promotion"]
    if as_json:
        output.print_json(move)
        return
    before = int(move.get("previousVersion", 0))
    came = f" (was version {before})" if before else ""
    click.echo(f"{name}@{alias} is version {move.get('version')}{came}.")


def metrics_text(metrics: dict[str, Any]) -> str:
    return " ".join(f"{key}={output.number(value)}" for key, value in sorted(metrics.items()))


def _pairs(values: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(values.items()))
