"""`headwater gc`: removes blobs that nobody needs."""

from typing import Any

import click

from headwater.cli import output
from headwater.cli.period import Period
from headwater.client.http import API, connect, segment


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@click.option(
    "--grace", type=Period(zero=True), default=None, help="Leave what was needed this short ago, e.g. 24h or 0."
)
@click.option("--all-projects", is_flag=True, help="Not only those of your project; takes a token for all.")
@output.json_option
def gc(dry_run: bool, grace: int | None, all_projects: bool, as_json: bool) -> None:
    """Remove blobs that nobody needs any more from the bucket.

    The platform does so by itself every hour, a day after the last run, model version or deployment that needed a blob
    went. Safe beside everything that runs, with --grace 0 too: what a writer was told is there stays; uploads that
    nothing refers to have an hour.
    """
    conn = connect()
    path = f"{API}/projects/{segment('*' if all_projects else conn.project)}/gc"
    body: dict[str, Any] = {"dryRun": dry_run} | ({} if grace is None else {"grace": f"{grace}s"})
    blobs = size = 0
    digests: list[str] = []
    while True:
        done = conn.call("POST", path, body, repeatable=True, timeout=120)
        blobs, size = blobs + int(done.get("blobs", 0)), size + int(done.get("bytes", 0))
        digests += done.get("digests", [])
        if not done.get("nextPageToken"):
            break
        body["pageToken"] = done["nextPageToken"]
    if as_json:
        output.print_json({"blobs": blobs, "bytes": size, "digests": digests[:1000], "dryRun": dry_run})
        return
    verb = "would go" if dry_run else "went"
    click.echo(f"{blobs} blob{'s' if blobs != 1 else ''} {verb}, {output.size(size)} of the bucket.")
