"""`output-dot` and `output-raw`: the graph of the flow for other programs. Needs no server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from headwater.flow.arguments import Parser
from headwater.flow.graph import FlowGraph, Node
from headwater.flow.start import checked_graph

if TYPE_CHECKING:
    from headwater.flow.terminal import Terminal


def output_dot_command(cls: type, rest: list[str], terminal: Terminal, script: str) -> int:
    """Prints the graph in the language of Graphviz."""
    Parser(prog=f"{script} output-dot", description="Prints the flow as a graph for Graphviz.").parse_args(rest)
    checked_graph(cls)
    terminal.note("Visualizing the flow as a GraphViz graph")
    terminal.note("    Try piping the output to 'dot -Tpng -o graph.png' to produce an actual image.")
    terminal.plain("\n".join(_dot(FlowGraph(cls))))
    return 0


def output_raw_command(cls: type, rest: list[str], terminal: Terminal, script: str) -> int:
    """Prints the graph as the scheduler gets it."""
    parser = Parser(prog=f"{script} output-raw", description="Prints the graph of the flow as the scheduler gets it.")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--no-json", dest="json", action="store_false")
    options = parser.parse_args(rest)
    graph = checked_graph(cls)
    if options.json:
        terminal.note("Internal representation of the flow in JSON format:")
        terminal.plain(json.dumps(graph, indent=4))
        return 0
    terminal.note("Internal representation of the flow:")
    for step in graph["steps"]:
        terminal.plain(" ".join(f"{name}={value!r}" for name, value in step.items()))
    return 0


def _dot(graph: FlowGraph) -> Iterator[str]:
    yield "digraph %s {" % graph.cls.__name__  # noqa: UP031 (braces)
    yield "rankdir=LR;"
    for node in graph.ordered():
        yield _shape(node)
    for node in graph.ordered():
        label = f' [label="{node.foreach}" style=bold]' if node.foreach else ""
        if node.condition is not None:
            label = f' [label="{node.condition}" color="blue" fontcolor="blue"]'
        for target in node.next:
            yield f'"{node.name}" -> "{target}"{label};'
    yield "}"


def _shape(node: Node) -> str:
    shape = "hexagon" if node.condition is not None else "invhouse" if node.opens else "record"
    if node.is_join:
        shape = "house"
    return f'"{node.name}" [ label = <<b>{node.name}</b>>, fontname = "Helvetica", shape = "{shape}" ];'
