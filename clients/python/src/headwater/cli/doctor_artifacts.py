"""`headwater doctor artifacts`: compares the bucket with what is known of it, and repairs what it can."""

from typing import Any

import click

from headwater.cli import output
from headwater.cli.period import Period
from headwater.client.http import API, connect


@click.command()
@click.option("--deep", is_flag=True, help="Read all bytes and compare their digests too.")
@click.option("--repair", is_flag=True, help="Repair what can be: see above.")
@click.option(
    "--grace",
    type=Period(zero=True),
    default=None,
    help="Leave orphans and unfinished uploads alone that are younger, e.g. 24h or 0.",
)
@output.json_option
def artifacts(deep: bool, repair: bool, grace: int | None, as_json: bool) -> None:
    """Find missing, corrupt and orphaned blobs, and uploads that nobody finishes. Exit status 1 when some are left.

    --repair: a missing or corrupt blob is taken from where its bytes lie too; else it is marked, and the next upload of
    these bytes (run the step again) replaces it. Orphans, which no row names, are removed, unfinished uploads aborted
    unless somebody sends parts right now. Takes a token for all projects.
    """
    found, blobs, size = audit(deep, repair, grace)
    left = [each for each in found if not each.get("repair")]
    if as_json:
        output.print_json({"blobs": blobs, "bytes": size, "findings": found, "left": len(left)})
    else:
        _show(found, blobs, size, deep, repair)
    if any(each for each in found if not _settled(each)):
        raise click.exceptions.Exit(1)


def audit(deep: bool, repair: bool, grace: int | None) -> tuple[list[dict[str, Any]], int, int]:
    """(findings, blobs, bytes)"""
    body: dict[str, Any] = {"deep": deep, "repair": repair} | ({} if grace is None else {"grace": f"{grace}s"})
    found: list[dict[str, Any]] = []
    blobs = size = 0
    while True:
        part = connect().call("POST", f"{API}/artifacts/audit", body, repeatable=True, timeout=600)
        found += part.get("findings", [])
        blobs, size = blobs + int(part.get("blobs", 0)), size + int(part.get("bytes", 0))
        if not part.get("nextPageToken"):
            return found, blobs, size
        body["pageToken"] = part["nextPageToken"]


def _settled(finding: dict[str, Any]) -> bool:
    """Is all well again? One that is marked waits for its upload."""
    return bool(finding.get("repair")) and not finding["repair"].startswith("marked")


def _show(found: list[dict[str, Any]], blobs: int, size: int, deep: bool, repair: bool) -> None:
    how = "sizes and digests" if deep else "sizes"
    click.echo(f"{blobs} blobs of {output.size(size)} compared with the bucket ({how}).")
    if not found:
        click.echo("Nothing is missing, corrupt, orphaned or unfinished.")
        return
    rows = [
        (
            each.get("kind", "").removeprefix("FINDING_KIND_").lower(),
            each.get("digest", "")[:12],
            output.size(each.get("size")),
            ", ".join(each.get("projects", ())),
            each.get("repair") or each.get("detail", ""),
        )
        for each in found
    ]
    output.table(("WHAT", "SHA256", "SIZE", "PROJECTS", "REPAIR" if repair else "FOUND"), rows)
    if not repair:
        click.echo("`headwater doctor artifacts --repair` repairs what it can.", err=True)
