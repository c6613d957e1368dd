"""`headwater lineage NODE`: what something was made from and what was made from it, as a tree, JSON or a dot graph."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from headwater.cli import output
from headwater.cli.ids import short

if TYPE_CHECKING:
    from headwater.client.lineage import Lineage, LineageNode

SHORT_DIGEST = 12


@click.command("lineage")
@click.argument("node")
@click.option("--up", "direction", flag_value="up", help="What it was made from.")
@click.option("--down", "direction", flag_value="down", help="What was made from it.")
@click.option("--both", "direction", flag_value="both", default="both", help="Both; the default.")
@click.option("--depth", type=int, default=0, help="How many edges away, at most 100; 20 unless told.")
@click.option("--max-nodes", type=int, default=0, help="At most so many nodes, up to 10,000; 500 unless told.")
@click.option("--kind", "kinds", multiple=True, help="Only nodes of this kind, e.g. model; may be repeated.")
@click.option("--siblings", type=int, default=0, help="Of tasks of one step and the like show so many; 10 unless told.")
@click.option("--dot", "as_dot", is_flag=True, help="Print a graph for Graphviz.")
@output.json_option
def lineage(
    node: str,
    direction: str,
    depth: int,
    max_nodes: int,
    kinds: tuple[str, ...],
    siblings: int,
    as_dot: bool,
    as_json: bool,
) -> None:
    """Show where NODE came from and what became of it, across runs and flows.

    NODE is a run FLOW/RUN, a task FLOW/RUN/STEP/TASK, an artifact FLOW/RUN/STEP/TASK/NAME, sha256:DIGEST,
    models:/NAME/VERSION, models:/NAME@ALIAS or dataset://NAME/VERSION.
    """
    from headwater.client.lineage import ask, parse

    body = ask(node, direction, depth=depth, max_nodes=max_nodes, kinds=kinds, siblings=siblings)
    if as_json:
        output.print_json(body)
        return
    found = parse(body)
    click.echo("\n".join(_dot(found) if as_dot else _shown(found, direction)))


def _shown(found: "Lineage", direction: str) -> Iterator[str]:
    for root in found.roots:
        yield text_of(found.nodes[root])
        for way, title in (("up", "made from"), ("down", "became")):
            if direction in (way, "both"):
                yield from _tree(found, root, way, title if direction == "both" else "")
    if found.truncated:
        yield "There is more: see --depth and --max-nodes."


def _tree(found: "Lineage", root: str, way: str, title: str) -> Iterator[str]:
    lines = list(_below(found, root, way, "  " if title else "", {root}))
    if title:
        yield f"  {title}:" if lines else f"  {title}: nothing"
    yield from lines


def _below(found: "Lineage", node: str, way: str, front: str, seen: set[str]) -> Iterator[str]:
    near = [
        other
        for other in (found.sources(node) if way == "up" else found.targets(node))
        if found.nodes[other].kind != "blob" or _leads(found, other, way)
    ]
    more = [(like, count) for of, like, to, count in found.hidden if of == node and to == way]
    total = len(near) + len(more)
    for number, other in enumerate(near, 1):
        branch, below = ("└─ ", "   ") if number == total else ("├─ ", "│  ")
        again = other in seen
        seen.add(other)
        yield (
            front
            + branch
            + text_of(found.nodes[other])
            + (" (see above)" if again and _leads(found, other, way) else "")
        )
        if not again:
            yield from _below(found, other, way, front + below, seen)
    for number, (like, count) in enumerate(more, len(near) + 1):
        yield f"{front}{'└─ ' if number == total else '├─ '}… {count:,} more like {text_of(found.nodes[like])}"


def _leads(found: "Lineage", node: str, way: str) -> bool:
    return bool(found.sources(node) if way == "up" else found.targets(node))


def text_of(node: "LineageNode") -> str:
    """A node in one line."""
    known = node.attributes
    match node.kind:
        case "artifact":
            size = output.size(int(known.get("size") or 0))
            return f"artifact {node.name}  {known.get('type', '')}, {size}, {node.digest[:SHORT_DIGEST]}"
        case "blob" | "code" | "environment":
            return f"{node.kind} {node.digest[:SHORT_DIGEST] or node.name}"
        case "parameter" | "metric":
            return f"{node.kind} {node.name}={_value(known.get('value'))}"
        case "step":
            return f"all tasks of {_shorter(node)}"
        case "parameters":
            return "all parameters"
        case "dataset" | "model" | "alias":
            return f"{node.kind.replace('alias', 'model')} {node.id.partition(':')[2].lstrip('/')}"
        case "logged_model" | "event":
            return f"{node.kind.replace('_', ' ')} {node.name}"
    return f"{node.kind} {_shorter(node)}"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def _shorter(node: "LineageNode") -> str:
    """The run by the end of its id, which names it as well."""
    return node.id.replace(node.run_id, short(node.run_id)) if node.run_id else node.id


def _dot(found: "Lineage") -> Iterator[str]:
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    for node in found.nodes.values():
        style = ", style=bold" if node.id in found.roots else ""
        yield f"  {_quoted(node.id)} [label={_quoted(text_of(node))}, shape={_SHAPES.get(node.kind, 'box')}{style}];"
    for source, target, kind in found.edges:
        yield f"  {_quoted(source)} -> {_quoted(target)} [label={_quoted(kind)}];"
    yield "}"


_SHAPES = {
    "artifact": "ellipse",
    "blob": "ellipse",
    "dataset": "cylinder",
    "model": "component",
    "parameter": "plaintext",
}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
