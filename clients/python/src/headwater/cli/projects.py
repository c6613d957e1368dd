"""`headwater projects list|create|delete|reset`."""

from typing import Any

import click

from headwater.cli import output
from headwater.client.http import API, connect, segment


@click.group(invoke_without_command=True)
@output.json_option
@click.pass_context
def projects(ctx: click.Context, as_json: bool) -> None:
    """List, create, delete and empty projects. HEADWATER_PROJECT says in which one the other commands work."""
    if ctx.invoked_subcommand is None:
        _list(as_json)


@projects.command("list")
@output.json_option
def list_(as_json: bool) -> None:
    """List the projects that were created, and those that hold something."""
    _list(as_json)


def _list(as_json: bool) -> None:
    found = connect().call("GET", f"{API}/projects").get("projects", [])
    if as_json:
        output.print_json(found)
        return
    rows = (
        (
            each["name"],
            each.get("description", ""),
            output.when(each.get("createdAt")),
            output.actor(each.get("createdBy")),
        )
        for each in found
    )
    output.table(("PROJECT", "DESCRIPTION", "CREATED", "BY"), rows)


@projects.command()
@click.argument("name")
@click.option("--description", default="", help="What it is for.")
@output.json_option
def create(name: str, description: str, as_json: bool) -> None:
    """Create a project. It need not be: a project is there with the first run, experiment or model in it."""
    body = {"name": name, "description": description}
    made = connect().call("POST", f"{API}/projects", body)["project"]
    output.print_json(made) if as_json else click.echo(
        f"Project {name} is there: HEADWATER_PROJECT={name} works in it."
    )


@projects.command()
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@output.json_option
def delete(name: str, yes: bool, as_json: bool) -> None:
    """Delete a project: all that it holds, and its tokens."""
    _confirm(f"Delete project {name} with all that it holds, for good?", yes)
    removed = connect().call("DELETE", f"{API}/projects/{segment(name)}", timeout=120).get("removed", {})
    _done(f"Project {name} is deleted", removed, as_json)


@projects.command()
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@output.json_option
def reset(name: str, yes: bool, as_json: bool) -> None:
    """Empty a project, whatever runs in it: it is as new. Its tokens stay good."""
    _confirm(f"Remove all that project {name} holds, for good?", yes)
    path = f"{API}/projects/{segment(name)}/reset"
    removed = connect().call("POST", path, {}, repeatable=True, timeout=120).get("removed", {})
    _done(f"Project {name} is empty", removed, as_json)


def _confirm(question: str, yes: bool) -> None:
    if not yes:
        click.confirm(question, abort=True, err=True)


def _done(text: str, removed: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(removed)
        return
    what = ", ".join(f"{count} {name}" for name, count in sorted(removed.items()))
    click.echo(f"{text}: {what} went." if what else f"{text}; there was nothing in it.")
