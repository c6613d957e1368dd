"""How the commands print: tables with rich on a terminal, aligned text in a pipe, JSON on request; times for people.

rich is imported only for a terminal. Knows nothing of what the rows mean.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

import click

from headwater.client.resources import timestamp

F = TypeVar("F", bound=Callable[..., Any])
STYLES = {
    "succeeded": "green",
    "finished": "green",
    "ok": "green",
    "running": "cyan",
    "dispatched": "cyan",
    "ready": "blue",
    "waiting": "blue",
    "warn": "yellow",
    "failed": "red",
    "fail": "red",
    "killed": "red",
    "cancelled": "yellow",
    "skipped": "dim",
}


def json_option(function: F) -> F:
    """Adds --json; the command's parameter is `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON in the form of the API.")(function)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2 if sys.stdout.isatty() else None, ensure_ascii=False))


def fancy() -> bool:
    """Is stdout a terminal that shows colours?"""
    import os

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "Nothing to show.", title: str = ""
) -> None:
    """Prints rows under column titles; numbers are aligned to the right, words of STYLES coloured."""
    texts = [[_text(cell) for cell in row] for row in rows]
    if not texts:
        click.echo(empty)
        return
    right = [all(_is_number(row[at]) for row in texts if row[at]) for at in range(len(columns))]
    if fancy():
        _rich_table(columns, texts, right, title)
        return
    if title:
        click.echo(title)
    widths = [max(len(columns[at]), *(len(row[at]) for row in texts)) for at in range(len(columns))]
    for row in [list(columns), *texts]:
        cells = (cell.rjust(w) if flag else cell.ljust(w) for cell, w, flag in zip(row, widths, right, strict=True))
        click.echo("  ".join(cells).rstrip())


def _rich_table(columns: Sequence[str], texts: list[list[str]], right: list[bool], title: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, header_style="bold")
    for name, flag in zip(columns, right, strict=True):
        grid.add_column(name, justify="right" if flag else "left", overflow="fold")
    for row in texts:
        grid.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    Console().print(grid)


def fields(pairs: Iterable[tuple[str, Any]]) -> None:
    """Prints "name  value" lines; empty values are left out."""
    shown = [(name, _text(value)) for name, value in pairs if value not in (None, "", {}, [], ())]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        label = click.style(name.ljust(width), bold=True) if fancy() else name.ljust(width)
        click.echo(f"{label}  {paint(value)}")


def paint(text: str) -> str:
    """A word of STYLES in its colour, on a terminal."""
    style = STYLES.get(text)
    if style is None or not fancy():
        return text
    return click.style(text, dim=True) if style == "dim" else click.style(text, fg=style)


def fail(message: str, hint: str = "") -> NoReturn:
    """Ends the command as failed."""
    from headwater.errors import HeadwaterError

    raise HeadwaterError(message, hint=hint)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return number(cell)
    return str(cell)


def _is_number(text: str) -> bool:
    try:
        float(text.rstrip("s").replace(",", ""))
    except ValueError:
        return False
    return True


def number(value: Any) -> str:
    """A metric: six significant digits, no trailing zeros."""
    return f"{float(value):.6g}"


def size(value: Any) -> str:
    """Bytes for people: "1.5 MiB"."""
    amount = float(value or 0)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} TiB"


def when(text: str | None) -> str:
    """A timestamp of the API in local time."""
    moment = timestamp(text)
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}" if moment else ""


def duration(start: str | None, end: str | None) -> str:
    """Time between two timestamps of the API, or until now: "0.3s", "2m05s", "1h02m"."""
    begin = timestamp(start)
    if begin is None:
        return ""
    seconds = ((timestamp(end) or datetime.now(UTC)) - begin).total_seconds()
    return seconds_text(max(seconds, 0))


def seconds_text(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    return f"{minutes // 60}h{minutes % 60:02d}m"


def state(text: str | None) -> str:
    """ "succeeded" of "RUN_STATE_SUCCEEDED"."""
    return (text or "").rpartition("STATE_")[2].lower()


def actor(body: dict[str, Any] | None) -> str:
    """Who did it: "ann", "task TrainFlow/…"."""
    kind, name = (body or {}).get("kind", ""), (body or {}).get("name", "")
    return name if kind in ("", "user") else f"{kind} {name}".strip()
