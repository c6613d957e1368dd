"""Questions about the graph of a run, a list of headwater.api.scheduler.v1.Step in JSON. Pure."""

from typing import Any


def node_of(graph: list[dict[str, Any]], step: str) -> dict[str, Any]:
    return next(node for node in graph if node["name"] == step)


def parents_of(graph: list[dict[str, Any]], step: str) -> list[str]:
    """Names of the steps that lead to a step."""
    return [node["name"] for node in graph if step in node.get("next", ())]


def depths(graph: list[dict[str, Any]]) -> dict[str, int]:
    """How many foreach steps are open around each step."""
    nodes = {node["name"]: node for node in graph}
    found: dict[str, int] = {}
    todo = [(name, 0) for name in nodes if not parents_of(graph, name)]
    while todo:
        name, depth = todo.pop()
        node = nodes[name]
        closed = nodes.get(node.get("joins", ""), {})
        depth -= closed.get("transition") == "TRANSITION_FOREACH"
        if name not in found:
            found[name] = depth
            opened = node.get("transition") == "TRANSITION_FOREACH"
            todo += [(after, depth + opened) for after in node.get("next", ()) if after in nodes]
    return found
