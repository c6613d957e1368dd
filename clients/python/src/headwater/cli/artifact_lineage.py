"""`headwater artifacts lineage`: what an artifact was made from, and what was made from it.

Follows what tasks note that they have read (runtime/reads.py). A task that cannot tell, such as a join, counts as one
that has read everything it could.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from headwater.cli import output
from headwater.cli.ids import find_run
from headwater.client.pathspec import split_target
from headwater.errors import NotFound

if TYPE_CHECKING:
    from headwater.client.tasks import Task

Node = dict[str, Any]


@click.command("lineage")
@click.argument("target", metavar="RUN/STEP[/TASK]")
@click.argument("name")
@click.option("--down", is_flag=True, help="What was made from it, instead of what it was made from.")
@output.json_option
def lineage(target: str, name: str, down: bool, as_json: bool) -> None:
    """Show what an artifact of a run was made from: steps, parameters and other artifacts, back to the start.

    Within its run. A step that cannot tell what it has read counts as having read everything.
    """
    from headwater.client.runs import Run

    run = Run(find_run(target)["runId"])
    graph = _Graph([task for found in run.steps() for task in found], run.parameters)
    node = graph.down(*graph.find(target, name)) if down else graph.up(*graph.find(target, name))
    if as_json:
        output.print_json(node)
        return
    click.echo("\n".join(_lines(node)))


class _Graph:
    def __init__(self, tasks: "list[Task]", parameters: dict[str, Any]) -> None:
        self._parameters = parameters
        self._tasks = [_Task(task) for task in reversed(tasks)]
        self._tasks.sort(key=lambda each: each.began)
        self._shown: set[tuple[str, str]] = set()

    def find(self, target: str, name: str) -> tuple[str, Node]:
        """(name, entry) as the task that was asked for sees it. Raises NotFound."""
        _, step, task_id = split_target(target)
        for task in reversed(self._tasks):
            if step in ("", task.step) and task_id in ("", task.id) and name in task.entries:
                return name, task.entries[name]
        hint = f"`headwater artifacts {target}` lists them"
        raise NotFound(f"{target} has no artifact {name!r}", hint=hint)

    def up(self, name: str, entry: Node) -> Node:
        from headwater.runtime.reads import identity

        node = _node(name, entry)
        if (name, identity(entry)) in self._shown:
            return {**node, "again": True}
        self._shown.add((name, identity(entry)))
        maker = next((task for task in self._tasks if task.made(name, entry)), None)
        if maker is None:
            return node
        names = maker.parameters if maker.parameters != ["*"] else sorted(self._parameters)
        node["task"] = maker.name
        node["parameters"] = {each: self._parameters.get(each) for each in names}
        if maker.data:
            node["data"] = maker.data
        node["from"] = [self.up(each, found) for each, found in maker.read(self._before(maker))]
        return node

    def down(self, name: str, entry: Node) -> Node:
        from headwater.runtime.reads import identity

        node = _node(name, entry)
        if (name, identity(entry)) in self._shown:
            return {**node, "again": True}
        self._shown.add((name, identity(entry)))
        node["to"] = [
            {**self.down(made, task.entries[made]), "task": task.name}
            for task in self._tasks
            if task.has_read(name, entry)
            for made in task.new
        ]
        return node

    def _before(self, task: "_Task") -> Iterator[tuple[str, Node]]:
        """What a task could have inherited, as its makers left it."""
        for each in self._tasks:
            if each.began < task.began:
                yield from ((name, each.entries[name]) for name in each.new)


class _Task:
    """A task's manifest with what it notes of its reads."""

    def __init__(self, task: "Task") -> None:
        values = task._values  # pyright: ignore[reportPrivateUsage]
        _, _, self.step, self.id = task.path_components
        self.name = f"{self.step}/{self.id}"
        started = task.started_at or task.created_at
        self.began = started.timestamp() if started else 0.0
        self.new = values.assigned()
        self.entries = {name: values.entry(name) for name in values.names() if values.is_stored(name)}
        reads = values.reads()
        self.parameters: list[str] = reads.get("parameters", [])
        self.data = values.data()
        self._artifacts: dict[str, str] | None = reads.get("artifacts") if "all" not in reads else None

    def made(self, name: str, entry: Node) -> bool:
        from headwater.runtime.reads import identity

        return name in self.new and identity(self.entries[name]) == identity(entry)

    def read(self, before: Iterator[tuple[str, Node]]) -> list[tuple[str, Node]]:
        return [(name, entry) for name, entry in before if self.has_read(name, entry)]

    def has_read(self, name: str, entry: Node) -> bool:
        from headwater.runtime.reads import identity

        if self._artifacts is None:  # everything that it could; what it carries on it has not made from that
            return name in self.entries and identity(self.entries[name]) == identity(entry) and name not in self.new
        return self._artifacts.get(name) == identity(entry)


def _node(name: str, entry: Node) -> Node:
    kept = {key: entry.get(key, "") for key in ("type", "digest", "encoding")}
    return {"name": name, **kept, "size": int(entry.get("size", 0))}


def _lines(node: Node, front: str = "", branch: str = "") -> Iterator[str]:
    by = f", made by {node['task']}" if node.get("task") else ""
    given = ", ".join(f"{name}={json.dumps(value, default=str)}" for name, value in node.get("parameters", {}).items())
    text = f"{node['name']}  {node['type']}, {output.size(node['size'])}, {node['digest'][:12]}{by}"
    names = [f"{each['asked']} ({each['uri']})" if "asked" in each else each["uri"] for each in node.get("data", ())]
    text += f" from {', '.join(names)}" if names else ""
    yield front + branch + text + (f" with {given}" if given else "") + (" (see above)" if node.get("again") else "")
    below = front + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
    children = node.get("from") or node.get("to") or []
    for child in children:
        yield from _lines(child, below, "└─ " if child is children[-1] else "├─ ")
