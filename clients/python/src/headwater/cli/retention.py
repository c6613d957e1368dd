"""`headwater retention set|show|unset`: how long runs of a project are kept."""

from typing import Any

import click

from headwater.cli import output
from headwater.cli.period import Period, period_text
from headwater.client.http import API, connect, segment


def _path(project: str) -> str:
    return f"{API}/projects/{segment(project or connect().project)}/retention"


@click.group()
def retention() -> None:
    """How long runs of a project are kept: by default for ever.

    Runs that are over for longer are deleted, with their logs, metrics and artifacts. Those with the tag headwater:keep
    stay, and those that made a model version.
    """


@retention.command("set")
@click.argument("project", default="")
@click.option("--keep-runs-for", type=Period(), required=True, help="After their end, e.g. 30d or 12h.")
@click.option("--keep-last", type=click.IntRange(0), default=0, help="The newest N of each flow stay, however old.")
@output.json_option
def set_(project: str, keep_runs_for: int, keep_last: int, as_json: bool) -> None:
    """Delete runs of PROJECT (default: yours) some time after their end."""
    body = {"keepRunsFor": f"{keep_runs_for}s", "keepLast": keep_last}
    _print(connect().call("POST", _path(project), body, repeatable=True)["retention"], project, as_json)


@retention.command()
@click.argument("project", default="")
@output.json_option
def show(project: str, as_json: bool) -> None:
    """Show the rule of PROJECT (default: yours), and how many runs are past it."""
    _print(connect().call("GET", _path(project)).get("retention"), project, as_json)


@retention.command()
@click.argument("project", default="")
@output.json_option
def unset(project: str, as_json: bool) -> None:
    """Keep runs of PROJECT (default: yours) for ever."""
    connect().call("DELETE", _path(project))
    _print(None, project, as_json)


def _print(rule: dict[str, Any] | None, project: str, as_json: bool) -> None:
    if as_json:
        output.print_json(rule or {})
        return
    name = (rule or {}).get("project") or project or connect().project
    if rule is None:
        click.echo(f"Runs of project {name} are kept for ever.")
        return
    last = int(rule.get("keepLast", 0))
    also = f"; the last {last} of each flow stay" if last else ""
    kept, due = period_text(rule.get("keepRunsFor")), int(rule.get("due", 0))
    click.echo(f"Runs of project {name} are kept for {kept} after their end{also}. Due now: {due}.")
