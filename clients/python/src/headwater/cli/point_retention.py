"""`headwater experiments retention set|show|unset`: how long the points of metrics are kept."""

from typing import Any

import click

from headwater.cli import output
from headwater.cli.period import Period, period_text
from headwater.client.http import API, connect, segment


def _path() -> str:
    return f"{API}/projects/{segment(connect().project)}/tracking/retention"


@click.group()
def retention() -> None:
    """How long the points of metrics are kept after the end of a run: by default for ever.

    An experiment goes by its own rule, or else by that of the project. The latest value of each metric stays in any
    case, and with it all that searches and tables show.
    """


@retention.command("set")
@click.argument("experiment", default="")
@click.option("--after", type=Period(), required=True, help="After the end of a run, e.g. 90d.")
@click.option(
    "--keep-points", type=click.IntRange(0, 1_000_000), default=0, show_default=True,
    help="Thin each history to so many points: first, last, and lowest and highest of equal parts. 0: drop it.",
)  # fmt: skip
@output.json_option
def set_(experiment: str, after: int, keep_points: int, as_json: bool) -> None:
    """Drop or thin histories of EXPERIMENT (default: all of the project) some time after the end of a run."""
    body = {"experiment": experiment, "after": f"{after}s", "keepPoints": keep_points}
    rule = connect().call("POST", _path(), body, repeatable=True)["retention"]
    if as_json:
        output.print_json(rule)
    else:
        click.echo(_text(rule))


@retention.command()
@output.json_option
def show(as_json: bool) -> None:
    """Show the rules of the project and of its experiments, and how many runs are past them."""
    found = connect().call("GET", _path())
    if as_json:
        output.print_json(found)
        return
    for rule in found.get("rules", ()):
        click.echo(_text(rule))
    if not found.get("rules"):
        click.echo(f"Points of project {connect().project} are kept for ever.")
    else:
        click.echo(f"Due now: {int(found.get('due', 0))} runs.")


@retention.command()
@click.argument("experiment", default="")
@output.json_option
def unset(experiment: str, as_json: bool) -> None:
    """Take the rule of EXPERIMENT (default: of the project) away."""
    connect().call("DELETE", _path(), query={"experiment": experiment})
    if as_json:
        output.print_json({})
    else:
        whose = f"experiment {experiment}" if experiment else f"project {connect().project}"
        click.echo(f"There is no rule for the points of {whose} any more.")


def _text(rule: dict[str, Any]) -> str:
    whose = f"experiment {rule['experiment']}" if rule.get("experiment") else f"project {rule['project']}"
    keep = int(rule.get("keepPoints", 0))
    what = f"thinned to {keep} points" if keep else "dropped, but for the latest value"
    return f"Histories of {whose} are {what} {period_text(rule.get('after'))} after the end of a run."
