"""`headwater workers`: who is there to run tasks."""

import click

from headwater.cli import output
from headwater.client.http import API, connect


@click.command()
@output.json_option
def workers(as_json: bool) -> None:
    """List workers: pool, slots, how many are busy, GPUs that tasks have, when they were last heard of."""
    found = connect().call("GET", f"{API}/workers").get("workers", [])
    if as_json:
        output.print_json(found)
        return
    rows = (
        (
            each.get("name", ""),
            each.get("pool", ""),
            f"{int(each.get('busy', 0))}/{int(each.get('slots', 0))}",
            f"{int(each.get('gpusBusy', 0))}/{gpus}" if (gpus := int(each.get("gpus", 0))) else "",
            " ".join(f"{key}={value}" for key, value in sorted(each.get("labels", {}).items())),
            output.when(each.get("openedAt")),
            output.duration(each.get("lastSeenAt"), None),
        )
        for each in found
    )
    columns = ("WORKER", "POOL", "BUSY", "GPUS", "LABELS", "SINCE", "LAST SEEN")
    output.table(columns, rows, empty="No workers: tasks wait. `headwater up` starts one on this machine.")
