"""`headwater runs compare RUN RUN…`: params, metrics and tags of tracked runs side by side."""

from typing import Any

import click

from headwater.cli import output
from headwater.cli.ids import short
from headwater.cli.tracked import find_tracked
from headwater.client.http import API, connect, segment

_WIDTH = 40


@click.command()
@click.argument("names", metavar="RUN RUN...", nargs=-1, required=True)
@click.option("--column", "columns", multiple=True, help='Only these, e.g. "metrics.loss" or "params.*". Repeatable.')
@click.option("--all", "everything", is_flag=True, help="Also what is the same in all of them.")
@output.json_option
def compare(names: tuple[str, ...], columns: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Show where tracked runs differ: parameters, latest metrics, tags.

    RUN is FLOW/RUN, an id or the end of one, of a flow or of MLflow.
    """
    conn = connect()
    idents = [find_tracked(name)["runId"] for name in names]
    path = f"{API}/projects/{segment(conn.project)}/tracking/runs/compare"
    query = {"runIds": idents, "columns": list(columns), "differencesOnly": not everything}
    found = conn.call("GET", path, query=query)
    if as_json:
        output.print_json(found)
        return
    runs = found["runs"]
    rows: list[tuple[Any, ...]] = [
        ("", "name", *(run.get("name", "") for run in runs)),
        ("", "experiment", *(run.get("experiment", "") for run in runs)),
        ("", "state", *(output.state(run.get("state")) for run in runs)),
        ("", "took", *(output.duration(run.get("startedAt"), run.get("finishedAt")) for run in runs)),
    ]
    rows += [(row["kind"], row["key"], *(_cell(row["kind"], cell) for cell in row["cells"])) for row in found["rows"]]
    output.table(("", "", *(short(run["runId"]) for run in runs)), rows)


def _cell(kind: str, cell: dict[str, Any]) -> Any:
    if not cell.get("present"):
        return ""
    if kind == "metrics":
        return float(cell.get("number", 0))
    text = " ".join(cell.get("text", "").split())
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
