"""`headwater doctor lineage`: builds the lineage graph anew from the events that are kept."""

import click

from headwater.cli import output
from headwater.client.http import API, connect

PATIENCE = 600.0


@click.command()
@click.option("--rebuild", is_flag=True, required=True, help="Build it anew and put it in the place of the old.")
@output.json_option
def lineage(rebuild: bool, as_json: bool) -> None:
    """Build lineage anew from the events that are kept. Questions go on being answered meanwhile.

    Says whether the graph differs from the one before, which it should not. Takes a token for all projects.
    """
    body = connect().call("POST", f"{API}/artifacts/lineage/rebuild", {}, timeout=PATIENCE)
    if as_json:
        output.print_json(body)
        return
    events, nodes, edges = (int(body.get(name, 0)) for name in ("events", "nodes", "edges"))
    said = "it differs from the one before" if body.get("changed") else "the same as before"
    click.echo(f"{nodes:,} nodes and {edges:,} edges from {events:,} events; {said}.")
