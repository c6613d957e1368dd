"""Live progress of a run from its events: bars on a terminal, a line per finished step in a pipe."""

import sys
from types import TracebackType
from typing import Any

import click


class Progress:
    """Counts the tasks of each step. Give it the graph of the run, then every event."""

    def __init__(self, graph: list[dict[str, Any]]) -> None:
        self.order = [step["name"] for step in graph]
        self.next = {step["name"]: step.get("next", []) for step in graph}
        self.totals = dict.fromkeys(self.order, 1)
        self.done = dict.fromkeys(self.order, 0)
        self.running: dict[str, int] = dict.fromkeys(self.order, 0)
        self.failed = ""
        self._live: Any = None

    def take(self, event: str, fact: dict[str, Any]) -> None:
        """One fact of the run, e.g. ("task.succeeded", {"step": …})."""
        step = fact.get("step", "")
        if step not in self.totals:
            return
        if event == "task.started":
            self.running[step] += 1
        elif event == "task.succeeded":
            self.done[step] += 1
            if width := int(fact.get("foreachWidth", 0)):
                self.totals[self.next[step][0]] = width
            if self._live is None and self.done[step] == self.totals[step]:
                click.echo(f"  {step}: {self.done[step]} of {self.totals[step]} tasks done")
        elif event == "task.failed":
            self.failed = f"{step}/{fact.get('taskId', '0')}: {fact.get('failure', {}).get('message', '')}"
            if self._live is None:
                click.echo(f"  {self.failed}")
        if self._live is not None:
            self._live.update(self._table())

    def __enter__(self) -> "Progress":
        if sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(self._table(), refresh_per_second=20)
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.update(self._table())
            self._live.__exit__(kind, error, trace)

    def _table(self) -> Any:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        for step in self.order:
            done, total = self.done[step], self.totals[step]
            active = self.running[step] > done
            mark = "[green]✓" if done == total else "[cyan]…" if active else "[dim]·"
            bar = ProgressBar(total=total, completed=done, width=30)
            table.add_row(f"  {mark}", step, bar, f"{done}/{total}")
        if self.failed:
            table.add_row("  [red]✗", f"[red]{self.failed}")
        return table
