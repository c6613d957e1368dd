"""`headwater artifacts lineage`: what an artifact was made from, and what was made from it.

Asks the server for the graph; here it is told as artifacts and the tasks between them.
"""

import contextlib
import time
from typing import TYPE_CHECKING, Any

import click

from headwater.cli import output
from headwater.cli.ids import find_run
from headwater.client.pathspec import split_target
from headwater.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable

    from headwater.client.lineage import Lineage

Node = dict[str, Any]
TRIES, PAUSE = 5, 0.3


@click.command("lineage")
@click.argument("target", metavar="RUN/STEP[/TASK]")
@click.argument("name")
@click.option("--down", is_flag=True, help="What was made from it, instead of what it was made from.")
@output.json_option
def lineage(target: str, name: str, down: bool, as_json: bool) -> None:
    """Show what an artifact of a run was made from: steps, parameters and other artifacts, back to the start.

    A step that cannot tell what it has read counts as having read everything. `headwater lineage` shows code, models
    and other runs too.
    """
    from headwater.client.lineage import lineage as ask

    asked = _soon(lambda: ask(_node(target, name), "down" if down else "up", max_nodes=2000))
    node = _Told(asked, down).artifact(asked.roots[0])
    if as_json:
        output.print_json(node)
        return
    click.echo("\n".join(_lines(node)))


def _soon(question: "Callable[[], Lineage]") -> "Lineage":
    """Events tell of an artifact a moment after its task has ended."""
    for _ in range(TRIES):
        with contextlib.suppress(NotFound):
            return question()
        time.sleep(PAUSE)
    return question()


def _node(target: str, name: str) -> str:
    """The value that a task has under that name, whoever made it."""
    from headwater.client.runs import Run

    run = Run(find_run(target)["runId"])
    _, step, task_id = split_target(target)
    found = [task for each in run.steps() if step in ("", each.id) for task in each if task_id in ("", task.id)]
    for task in found:
        if name in task.artifacts:
            if digest := getattr(task.artifacts, name).sha:
                return f"{run.id}/{name}@sha256:{digest}"
            return f"{run.id}/_parameters/{name}"
    raise NotFound(f"{target} has no artifact {name!r}", hint=f"`headwater artifacts {target}` lists them")


class _Told:
    """The graph as a tree of artifacts."""

    def __init__(self, asked: "Lineage", down: bool) -> None:
        self._asked, self._down = asked, down
        self._shown: set[str] = set()

    def artifact(self, ident: str) -> Node:
        about = self._asked.nodes[ident]
        known = about.attributes
        node: Node = {"name": about.name, "type": known.get("type", ""), "digest": about.digest}
        node |= {"encoding": known.get("encoding", ""), "size": int(known.get("size") or 0)}
        if ident in self._shown:
            return {**node, "again": True}
        self._shown.add(ident)
        return node | (self._to(ident) if self._down else self._from(ident))

    def _to(self, ident: str) -> Node:
        readers = [each for each in self._asked.targets(ident) if self._is(each, "task")]
        made = [(task, each) for task in readers for each in self._asked.targets(task) if self._is(each, "artifact")]
        return {"to": [{**self.artifact(each), "task": self._asked.nodes[task].name} for task, each in made]}

    def _from(self, ident: str) -> Node:
        maker = next((each for each in self._asked.sources(ident) if self._is(each, "task")), None)
        if maker is None:
            return {}
        node: Node = {"task": self._asked.nodes[maker].name}
        given = self._asked.sources(maker)
        together = [each for one in given if self._is(one, "parameters") for each in self._asked.sources(one)]
        used = [self._asked.nodes[each] for each in [*given, *together] if self._is(each, "parameter")]
        node["parameters"] = {each.name: each.attributes.get("value") for each in used}
        if any(self._is(each, "dataset") for each in given) and (data := self._data(maker)):
            node["data"] = data
        node["from"] = [self.artifact(each) for each in self._read(given)]
        return node

    def _data(self, task: str) -> list[dict[str, str]]:
        """Versions of datasets, with the names that the task has asked for them by."""
        from headwater.client.tasks import Task

        return Task(task, _namespace_check=False)._values.data()  # pyright: ignore[reportPrivateUsage]

    def _read(self, given: list[str]) -> list[str]:
        """Artifacts; of tasks, alone or all of a step, what they wrote."""
        found: list[str] = []
        for each in given:
            if self._is(each, "artifact"):
                found.append(each)
            elif self._is(each, "task") or self._is(each, "step"):
                tasks = [each] if self._is(each, "task") else self._asked.sources(each)
                wrote = [made for task in tasks for made in self._asked.targets(task) if self._is(made, "artifact")]
                found += wrote
        return list(dict.fromkeys(found))

    def _is(self, ident: str, kind: str) -> bool:
        return self._asked.nodes[ident].kind == kind


def _lines(node: Node, front: str = "", branch: str = "") -> "list[str]":
    by = f", made by {node['task']}" if node.get("task") else ""
    given = ", ".join(f"{name}={value}" for name, value in node.get("parameters", {}).items())
    text = f"{node['name']}  {node['type']}, {output.size(node['size'])}, {node['digest'][:12]}{by}"
    names = [f"{each['asked']} ({each['uri']})" if "asked" in each else each["uri"] for each in node.get("data", ())]
    text += f" from {', '.join(names)}" if names else ""
    text += f" with {given}" if given else ""
    lines = [front + branch + text + (" (see above)" if node.get("again") else "")]
    below = front + {"": "", "├─ ": "│  ", "└─ ": "   "}[branch]
    children = node.get("from") or node.get("to") or []
    for child in children:
        lines += _lines(child, below, "└─ " if child is children[-1] else "├─ ")
    return lines
