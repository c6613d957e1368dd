"""Questions about the graph of a run, a list of headwater.api.scheduler.v1.Step in JSON. Pure."""

from typing import Any

Graph = list[dict[str, Any]]


def node_of(graph: Graph, step: str) -> dict[str, Any]:
    return next(node for node in graph if node["name"] == step)


def parents_of(graph: Graph, step: str) -> list[str]:
    """Names of the steps that lead to a step."""
    return [node["name"] for node in graph if step in node.get("next", ())]


def foreach_around(graph: Graph) -> dict[str, list[str]]:
    """The foreach steps that are open around each step, outermost first."""
    nodes = {node["name"]: node for node in graph}
    found: dict[str, list[str]] = {}
    todo: list[tuple[str, list[str]]] = [(name, []) for name in nodes if not set(parents_of(graph, name)) - {name}]
    while todo:
        name, around = todo.pop()
        if name in found:
            continue
        node = nodes[name]
        if nodes.get(node.get("joins", ""), {}).get("transition") == "TRANSITION_FOREACH":
            around = around[:-1]
        found[name] = around
        opened = [name] if node.get("transition") == "TRANSITION_FOREACH" else []
        todo += [(after, around + opened) for after in node.get("next", ()) if after in nodes]
    return found


def depths(graph: Graph) -> dict[str, int]:
    """How many foreach steps are open around each step."""
    return {name: len(around) for name, around in foreach_around(graph).items()}
