"""current.graph: the shape of the flow as the dictionary that Metaflow gives its steps and cards."""

from __future__ import annotations

import os
import sys
from typing import Any

from headwater.flow.graph import FlowGraph, Node, clean_doc
from headwater.flow.options import flow_options
from headwater.flow.parameters import parameters_of

_TYPES = {
    "TRANSITION_SPLIT": "split-static",
    "TRANSITION_FOREACH": "split-foreach",
    "TRANSITION_SWITCH": "split-switch",
    "TRANSITION_PARALLEL": "split-parallel",
}


def graph_info(cls: type) -> dict[str, Any]:
    """Steps by name, each with its type, line, doc, decorators and what follows; the flow's parameters and doc."""
    graph = FlowGraph(cls)
    joins = {opener: join for join, opener in graph.joins().items()}
    parameters = parameters_of(cls).values()
    module = sys.modules.get(cls.__module__)
    return {
        "file": os.path.basename(getattr(module, "__file__", "") or ""),  # noqa: PTH119 (see package.py)
        "start_step": graph.start,
        "end_step": graph.end,
        "parameters": [{"name": each.name, "type": type(each).__name__} for each in parameters],
        "steps": {node.name: _step(node, graph, joins) for node in graph.ordered()},
        "graph_structure": _block(graph, joins, graph.start, ""),
        "doc": clean_doc(cls.__doc__ or ""),
        "decorators": [{"name": name} for name in flow_options(cls).decorators],
    }


def _step(node: Node, graph: FlowGraph, joins: dict[str, str]) -> dict[str, Any]:
    plain = "start" if node.name == graph.start else "end" if node.name == graph.end else "linear"
    body: dict[str, Any] = {
        "name": node.name,
        "type": "join" if node.is_join else _TYPES.get(node.transition, plain),
        "line": node.source.line,
        "doc": clean_doc(node.source.doc),
        "decorators": [{"name": name, "attributes": kwargs} for name, _, kwargs in node.options.specs],
        "next": list(node.next),
    }
    if node.foreach:
        body["foreach_artifact"] = node.foreach
    if node.name in joins:
        body["matching_join"] = joins[node.name]
    return body


def _block(graph: FlowGraph, joins: dict[str, str], name: str, until: str) -> list[Any]:
    """Names in the order in which they run; the branches of a split as a list of such lists."""
    found: list[Any] = []
    while name and name != until and name not in found:
        found.append(name)
        targets = graph.edges(name)
        if name in joins:
            found.append([_block(graph, joins, target, joins[name]) for target in targets])
            name = joins[name]
        else:
            name = targets[0] if targets else ""
    return found
