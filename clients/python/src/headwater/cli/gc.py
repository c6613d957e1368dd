"""`headwater gc`: removes blobs that nobody needs, and points that are past their retention."""

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
@click.option(
    "--deleted-after", type=Period(zero=True), default=None,
    help="Also end for good what MLflow's clients deleted this long ago: runs, experiments. E.g. 30d or 0.",
)  # fmt: skip
@click.option("--all-projects", is_flag=True, help="Not only those of your project; takes a token for all.")
@output.json_option
def gc(dry_run: bool, grace: int | None, deleted_after: int | None, all_projects: bool, as_json: bool) -> None:
    """Remove blobs that nobody needs any more from the bucket, and points of metrics that are past their retention.

    The platform does so by itself every hour, a day after the last run, model version or deployment that needed a blob
    went. Safe beside everything that runs, with --grace 0 too: what a writer was told is there stays; uploads that
    nothing refers to have an hour.
    """
    conn = connect()
    project = segment("*" if all_projects else conn.project)
    points = _points(f"{API}/projects/{project}/tracking/gc", dry_run, deleted_after)
    path = f"{API}/projects/{project}/gc"
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
        output.print_json({"blobs": blobs, "bytes": size, "digests": digests[:1000], "dryRun": dry_run} | points)
        return
    verb = "would go" if dry_run else "went"
    click.echo(f"{blobs} blob{'s' if blobs != 1 else ''} {verb}, {output.size(size)} of the bucket.")
    if points["purgedRuns"] or points["purgedExperiments"]:
        click.echo(
            f"{points['purgedRuns']} deleted runs and {points['purgedExperiments']} experiments {verb} for good."
        )
    if points["thinnedRuns"]:
        removed = "" if dry_run else f", {points['removedPoints']:,} points went"
        click.echo(f"Histories of {points['thinnedRuns']} runs {'would be' if dry_run else 'were'} thinned{removed}.")


_COUNTS = ("thinnedRuns", "removedPoints", "packedRuns", "purgedRuns", "purgedExperiments")


def _points(path: str, dry_run: bool, deleted_after: int | None) -> dict[str, int]:
    body: dict[str, Any] = {"dryRun": dry_run}
    if deleted_after is not None:
        body["purgeDeletedAfter"] = f"{deleted_after}s"
    counts: dict[str, int] = dict.fromkeys(_COUNTS, 0)
    more = True
    while more:
        done = connect().call("POST", path, body, repeatable=True, timeout=120)
        for name in _COUNTS:
            counts[name] += int(done.get(name, 0))
        more = bool(done.get("more"))
    return counts
