"""`headwater limits`, `headwater deployment`: what is held back."""

from typing import Any

import click

from headwater.cli import output
from headwater.client.http import API, connect, segment


def _path(*parts: str) -> str:
    return "/".join((f"{API}/projects/{segment(connect().project)}", *map(segment, parts)))


@click.group(invoke_without_command=True)
@output.json_option
@click.pass_context
def limits(ctx: click.Context, as_json: bool) -> None:
    """How many tasks that name a key, @concurrency("KEY"), may run at the same time in the project."""
    if ctx.invoked_subcommand is not None:
        return
    found = connect().call("GET", _path("limits")).get("limits", [])
    if as_json:
        output.print_json(found)
        return
    rows = ((each["key"], int(each.get("most", 0)), int(each.get("running", 0))) for each in found)
    output.table(("KEY", "MOST", "RUNNING"), rows, empty="No limits. `headwater limits set KEY N` makes one.")


@limits.command("set")
@click.argument("key")
@click.argument("most", type=click.IntRange(0), metavar="N")
@output.json_option
def set_(key: str, most: int, as_json: bool) -> None:
    """At most N tasks that name KEY at the same time; 0 holds all of them back."""
    found = connect().call("POST", _path("limits"), {"key": key, "most": most}, repeatable=True)["limit"]
    if as_json:
        output.print_json(found)
    else:
        click.echo(f"At most {most} task{'s' * (most != 1)} with {key} run{'s' * (most == 1)} at the same time.")


@limits.command()
@click.argument("key")
def remove(key: str) -> None:
    """Let any number of tasks that name KEY run."""
    connect().call("POST", _path("limits"), {"key": key, "most": -1}, repeatable=True)
    click.echo(f"No limit for {key}.")


@click.group()
def deployment() -> None:
    """Pause and resume a deployed flow."""


@deployment.command()
@click.argument("name")
@output.json_option
def pause(name: str, as_json: bool) -> None:
    """Events and schedules start nothing until it is resumed; what they would have started is left out."""
    _steer(name, "pause", as_json)


@deployment.command()
@click.argument("name")
@output.json_option
def resume(name: str, as_json: bool) -> None:
    """Let events and schedules start it again."""
    _steer(name, "resume", as_json)


def _steer(name: str, verb: str, as_json: bool) -> None:
    found: dict[str, Any] = connect().call("POST", _path("deployments", name, verb), {}, repeatable=True)["deployment"]
    if as_json:
        output.print_json(found)
    else:
        click.echo(f"{name} {'is paused' if found.get('pausedAt') else 'can be started again'}.")
