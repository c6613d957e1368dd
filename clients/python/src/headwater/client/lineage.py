"""What something was made from, and what was made from it: one question to the server, across runs and flows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater.client.http import API, connect, segment
from headwater.client.numbers import plain_number
from headwater.errors import InvalidArgument

UP, DOWN, BOTH = "up", "down", "both"
_DIRECTIONS = {
    UP: "LINEAGE_DIRECTION_UPSTREAM",
    DOWN: "LINEAGE_DIRECTION_DOWNSTREAM",
    BOTH: "LINEAGE_DIRECTION_BOTH",
}
_RUN = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class LineageNode:
    """One node. id names it, also to lineage(); kind: run, task, artifact, blob, code, parameter, metric, dataset,
    model, alias, …; distance: edges to the node that was asked for, negative upstream."""

    id: str
    kind: str
    name: str
    run_id: str = ""
    digest: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    distance: int = 0


@dataclass(frozen=True)
class Lineage:
    """Part of the graph. edges: (source, target, kind) by ids, target comes from source; hidden: (node, one like those
    that are left out, up or down, how many); truncated: there is more beyond the bounds."""

    roots: tuple[str, ...]
    nodes: dict[str, LineageNode]
    edges: tuple[tuple[str, str, str], ...]
    hidden: tuple[tuple[str, str, str, int], ...] = ()
    truncated: bool = False

    def sources(self, node: str) -> list[str]:
        """Ids of what a node was made from directly, in the order of time."""
        near = {source for source, target, _ in self.edges if target == node}
        return [each for each in self.nodes if each in near]

    def targets(self, node: str) -> list[str]:
        """Ids of what was made from a node directly, in the order of time."""
        near = {target for source, target, _ in self.edges if source == node}
        return [each for each in self.nodes if each in near]

    def of_kind(self, kind: str) -> list[LineageNode]:
        return [node for node in self.nodes.values() if node.kind == kind]


def lineage(
    node: str,
    direction: str = BOTH,
    *,
    depth: int = 0,
    max_nodes: int = 0,
    kinds: Sequence[str] = (),
    siblings: int = 0,
) -> Lineage:
    """Asks for the lineage of a run "Flow/RUN", a task "Flow/RUN/STEP/TASK", an artifact "Flow/RUN/STEP/TASK/NAME",
    "sha256:DIGEST", "models:/NAME/VERSION", "models:/NAME@ALIAS" or "dataset://NAME/VERSION".

    direction: "up" (made from), "down" (made from it) or "both". depth: edges, 0 stands for 20. kinds: only these.
    Raises NotFound when nothing of that name is known, InvalidArgument for a malformed one.

        >>> [run.id for run in lineage("models:/digits@champion", "up").of_kind("run")]
    """
    return parse(ask(node, direction, depth=depth, max_nodes=max_nodes, kinds=kinds, siblings=siblings))


def ask(node: str, direction: str, **bounds: Any) -> dict[str, Any]:
    """The answer as JSON."""
    if direction not in _DIRECTIONS:
        raise InvalidArgument(f"direction {direction!r} is none", field="direction", hint='one of "up", "down", "both"')
    conn = connect()
    names = {"depth": "depth", "max_nodes": "maxNodes", "kinds": "kinds", "siblings": "siblings"}
    query: dict[str, Any] = {"node": named(node), "direction": _DIRECTIONS[direction]}
    query |= {names[name]: value for name, value in bounds.items() if value}
    return conn.call("GET", f"{API}/projects/{segment(conn.project)}/lineage", query=query)


def named(node: str) -> str:
    """Runs by their whole ids: what else may stand for one, such as Flow/latest, is looked up."""
    if "://" in node or ":" in node.split("/")[0] or "@sha256:" in node:
        return node
    parts = node.strip("/").split("/")
    if any(_RUN.fullmatch(part) for part in parts) or not all(parts):
        return node
    from headwater.client import resources

    if re.fullmatch(r"[0-9a-f]{64}", node):
        return node
    flow, run = ("", parts[0]) if len(parts) == 1 or _like_run(parts[0]) else (parts[0], parts[1])
    found = resources.get_run(run, flow)["runId"]
    rest = parts[1:] if not flow else parts[2:]
    return "/".join([*filter(None, [flow]), found, *rest])


def _like_run(text: str) -> bool:
    return text == "latest" or (len(text) >= 4 and all(char in "0123456789abcdef-" for char in text))


def parse(body: dict[str, Any]) -> Lineage:
    nodes = [
        LineageNode(
            each["id"], each["kind"], each.get("name", ""), each.get("runId", ""), each.get("digest", ""),
            plain_number(each.get("attributes", {})), int(each.get("distance", 0)),
        )
        for each in body.get("nodes", [])
    ]  # fmt: skip
    ways = {value: name for name, value in _DIRECTIONS.items()}
    return Lineage(
        tuple(body.get("roots", ())),
        {node.id: node for node in nodes},
        tuple((each["from"], each["to"], each["kind"]) for each in body.get("edges", [])),
        tuple(
            (each["node"], each["like"], ways.get(each.get("direction", ""), DOWN), int(each.get("count", 0)))
            for each in body.get("hidden", [])
        ),
        bool(body.get("truncated", False)),
    )
