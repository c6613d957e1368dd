"""`headwater experiments [list|show|delete|retention]`: tracked runs side by side, best first; their upkeep."""

from typing import Any

import click

from headwater.cli import output
from headwater.cli.ids import short
from headwater.cli.point_retention import retention
from headwater.cli.transfers import export_experiments, import_archive
from headwater.client.http import API, connect, segment


@click.group(invoke_without_command=True)
@output.json_option
@click.pass_context
def experiments(ctx: click.Context, as_json: bool) -> None:
    """Compare tracked runs by their metrics. A flow's runs are in the experiment of its name."""
    if ctx.invoked_subcommand is None:
        _list(as_json)


@experiments.command("list")
@output.json_option
def list_(as_json: bool) -> None:
    """List experiments."""
    _list(as_json)


def _list(as_json: bool) -> None:
    conn = connect()
    found = list(conn.pages(f"{API}/projects/{segment(conn.project)}/experiments", "experiments"))
    if as_json:
        output.print_json(found)
        return
    rows = ((each["name"], int(each.get("runs", 0)), output.when(each.get("createdAt"))) for each in found)
    output.table(("EXPERIMENT", "RUNS", "CREATED"), rows, empty="No experiments.")


@experiments.command("show")
@click.argument("name")
@click.option("--filter", "filter_", default="", help="e.g. \"metrics.accuracy > 0.9 and params.kernel = 'rbf'\"")
@click.option("--sort", default="", help="A metric; the best run comes first. Default: the newest run.")
@click.option("--ascending", is_flag=True, help="With --sort: smaller is better.")
@click.option("--column", "columns", multiple=True, help='Only these, e.g. "metrics.loss" or "params.*". Repeatable.')
@click.option("--count", is_flag=True, help="Only say how many there are.")
@click.option("--limit", "-n", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
@output.json_option
def show(
    name: str,
    filter_: str,
    sort: str,
    ascending: bool,
    columns: tuple[str, ...],
    count: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Show the runs of an experiment with parameters and latest metrics."""
    from itertools import islice

    conn = connect()
    base = f"{API}/projects/{segment(conn.project)}"
    conn.call("GET", f"{base}/experiments/{segment(name)}")
    order = [f"metrics.`{sort}` {'ASC' if ascending else 'DESC'}"] if sort else []
    query: dict[str, Any] = {"experiments": [name], "filter": filter_, "orderBy": order, "columns": list(columns)}
    if count:
        total = int(conn.call("GET", f"{base}/tracking/runs", query=query | {"countOnly": True}).get("totalCount", 0))
        output.print_json({"totalCount": total}) if as_json else click.echo(total)
        return
    found = list(islice(conn.pages(f"{base}/tracking/runs", "runs", query, page_size=min(limit, 1000)), limit))
    if as_json:
        output.print_json(found)
    else:
        _table(name, found, sort)


@experiments.command("delete")
@click.argument("name")
@click.option("--reason", default="", help="Told with the fact that each of its runs was deleted.")
@click.option("--force", is_flag=True, help="Also runs that say that they are running.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@output.json_option
def delete(name: str, reason: str, force: bool, yes: bool, as_json: bool) -> None:
    """Delete an experiment with all its runs, their metrics and files, for good.

    Runs of flows go by `headwater runs delete`: an experiment that has some stays.
    """
    conn = connect()
    path = f"{API}/projects/{segment(conn.project)}/experiments/{segment(name)}"
    count = int(conn.call("GET", path)["experiment"].get("runs", 0))
    if not yes:
        click.confirm(f"Delete experiment {name} with {count} runs for good?", abort=True, err=True)
    done = conn.call("DELETE", path, query={"reason": reason, "force": force}, timeout=600)
    if as_json:
        output.print_json(done)
    else:
        click.echo(f"Experiment {name} is deleted, with {int(done.get('runs', 0))} runs.")


experiments.add_command(retention)
experiments.add_command(export_experiments)
experiments.add_command(import_archive)


def _table(name: str, runs: list[dict[str, Any]], sort: str) -> None:
    metrics = list(dict.fromkeys(each["key"] for run in runs for each in run.get("metrics", ())))
    metrics.sort(key=lambda key: (key != sort, key))
    params = sorted({key for run in runs for key in run.get("params", {})})
    params = [key for key in params if len({run.get("params", {}).get(key) for run in runs}) > 1 or len(runs) == 1][:6]
    rows: list[tuple[Any, ...]] = []
    for run in runs:
        latest = {each["key"]: float(each.get("value", 0)) for each in run.get("metrics", ())}
        rows.append(
            (
                short(run["runId"]),
                run.get("name", ""),
                output.state(run.get("state")),
                *(latest.get(key, "") for key in metrics[:8]),
                *(run.get("params", {}).get(key, "") for key in params),
                output.when(run.get("startedAt")),
            )
        )
    columns = ("RUN", "NAME", "STATE", *metrics[:8], *params, "STARTED")
    output.table(columns, rows, empty=f"No runs in experiment {name} match.")
