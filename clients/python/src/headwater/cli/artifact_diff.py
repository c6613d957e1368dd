"""`headwater artifacts diff`: which artifacts of two tasks, steps or runs differ, by the digests of their bytes."""

from typing import Any

import click

from headwater.cli import output


@click.command("diff")
@click.argument("one", metavar="RUN[/STEP[/TASK]]")
@click.argument("other", metavar="RUN[/STEP[/TASK]]")
@click.option("--values", is_flag=True, help="Load and show values; runs code that the values bring along.")
@click.option("--all", "everything", is_flag=True, help="List what is equal, too.")
@output.json_option
def diff(one: str, other: str, values: bool, everything: bool, as_json: bool) -> None:
    """Compare the artifacts of two runs, steps or tasks. Nothing is downloaded: digests decide.

    Exit status 0 when they are equal, 1 when they differ.
    """
    from headwater.cli.artifacts import rows_of

    left, right = _by_name(rows_of(one, values)), _by_name(rows_of(other, values))
    found = [_compare(name, left.get(name), right.get(name)) for name in sorted({*left, *right})]
    differ = [row for row in found if row["change"] != "equal"]
    shown = found if everything else differ
    if as_json:
        output.print_json(shown)
    else:
        columns = ("ARTIFACT", "CHANGE", "ONE", "OTHER")
        lines = [(row["name"], row["change"], _said(row["one"]), _said(row["other"])) for row in shown]
        output.table(columns, lines, empty="All artifacts are equal.")
    if differ:
        raise SystemExit(1)


def _by_name(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By name within the step; with the task where there are several."""
    several = {row["step"] for row in rows if row["taskId"] != "0"} | set()
    steps = {row["step"] for row in rows}
    named: dict[str, dict[str, Any]] = {}
    for row in rows:
        front = f"{row['step']}/{row['taskId']}/" if row["step"] in several else f"{row['step']}/"
        named[(front if len(steps) > 1 or several else "") + row["name"]] = row
    return named


def _compare(name: str, one: dict[str, Any] | None, other: dict[str, Any] | None) -> dict[str, Any]:
    if one is None or other is None:
        change = "added" if one is None else "removed"
    else:
        same = (one["digest"], one["encoding"], one.get("value")) == (
            other["digest"], other["encoding"], other.get("value"),
        )  # fmt: skip
        change = "equal" if same else "changed"
    return {"name": name, "change": change, "one": one, "other": other}


def _said(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    if "value" in row:
        return row["value"]
    return " ".join(text for text in (row["type"], output.size(row["size"]), row["digest"][:12]) if text)
