"""Follows the edges of the graph from some nodes, level by level, within bounds. The SQL walks: queries/lineage.sql."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from headwater_server.artifact.lineage.finding import Asked
from headwater_server.artifact.lineage.nodes import EDGE_NAMES, KINDS, Node
from headwater_server.artifact.store import q

UP, DOWN = -1, 1
# What a question that wants some kinds only may walk over.
MOST_WALKED = 10_000
LEADS_TO = "leads_to"


@dataclass(frozen=True)
class Bounds:
    directions: tuple[int, ...]
    depth: int
    nodes: int
    siblings: int
    kinds: frozenset[int] = frozenset()


@dataclass
class Found:
    """distance: of each node from the roots, negative upstream; hidden: (node, one like them, direction, how many)."""

    rows: dict[uuid.UUID, Any] = field(default_factory=dict)
    distance: dict[uuid.UUID, int] = field(default_factory=dict)
    edges: list[tuple[uuid.UUID, uuid.UUID, str]] = field(default_factory=list)
    hidden: list[tuple[uuid.UUID, uuid.UUID, int, int]] = field(default_factory=list)
    truncated: bool = False


async def walk(asked: Asked, roots: list[uuid.UUID], bounds: Bounds) -> Found:
    found = Found(distance=dict.fromkeys(roots, 0))
    most = MOST_WALKED if bounds.kinds else bounds.nodes
    for direction in bounds.directions:
        statement = q.lineage_walk_down if direction == DOWN else q.lineage_walk_up
        for row in await asked.conn.fetch(statement, asked.build, roots, bounds.depth, most, bounds.siblings):
            if row["depth"] > bounds.depth or (len(found.distance) >= most and row["id"] not in found.distance):
                found.truncated = True
            else:
                found.distance.setdefault(row["id"], direction * row["depth"])
    ids = list(found.distance)
    rows = await asked.conn.fetch(q.lineage_nodes_by_id, asked.build, ids)
    found.rows = {row["id"]: row for row in rows if not _empty(row)}
    edges = await asked.conn.fetch(q.lineage_between, asked.build, ids)
    found.edges = [
        (row["source"], row["target"], EDGE_NAMES[row["kind"]])
        for row in edges
        if row["source"] in found.rows and row["target"] in found.rows
    ]
    await _crowds(asked, found, bounds)
    if bounds.kinds:
        _only(found, bounds, set(roots))
    return found


def _empty(row: Any) -> bool:
    """All parameters of a run that has none."""
    return row["kind"] == KINDS["parameters"] and row["at"] is None


async def _crowds(asked: Asked, found: Found, bounds: Bounds) -> None:
    for direction in bounds.directions:
        near = [node for node, at in found.distance.items() if at * direction >= 0 and abs(at) < bounds.depth]
        statement = q.lineage_crowds_down if direction == DOWN else q.lineage_crowds_up
        beside = _beside(found.edges, direction)
        for row in await asked.conn.fetch(statement, asked.build, near, bounds.siblings):
            shown = beside.get(row["node"], set())
            if row["node"] in found.rows and row["first"] in shown:
                alike = {node for node in shown if _alike(found, node, row["first"])}
                if row["count"] > len(alike):
                    found.hidden.append((row["node"], row["first"], direction, row["count"] - len(alike)))


def _beside(edges: Iterable[tuple[uuid.UUID, uuid.UUID, str]], direction: int) -> dict[uuid.UUID, set[uuid.UUID]]:
    found: dict[uuid.UUID, set[uuid.UUID]] = {}
    for source, target, _ in edges:
        node, other = (source, target) if direction == DOWN else (target, source)
        found.setdefault(node, set()).add(other)
    return found


def _alike(found: Found, one: uuid.UUID, other: uuid.UUID) -> bool:
    def group(ident: uuid.UUID) -> int:
        row = found.rows[ident]
        return Node(ident, row["project"], row["kind"], row["owner"], row["label"]).group

    return group(one) == group(other)


def _only(found: Found, bounds: Bounds, roots: set[uuid.UUID]) -> None:
    """Leaves the wanted kinds; an edge between two of them stands for the ways over others."""
    wanted = {node for node, row in found.rows.items() if row["kind"] in bounds.kinds or node in roots}
    kept = sorted(wanted, key=lambda node: abs(found.distance[node]))
    if len(kept) > bounds.nodes:
        found.truncated = True
    keep = set(kept[: bounds.nodes])
    after = _beside(found.edges, DOWN)
    direct = {(source, target): kind for source, target, kind in found.edges}
    edges: list[tuple[uuid.UUID, uuid.UUID, str]] = []
    for node in keep:
        edges += [(node, other, direct.get((node, other), LEADS_TO)) for other in _reached(node, after, keep)]
    found.edges = edges
    found.rows = {node: row for node, row in found.rows.items() if node in keep}
    found.hidden = [each for each in found.hidden if each[0] in keep and each[1] in keep]


def _reached(node: uuid.UUID, after: dict[uuid.UUID, set[uuid.UUID]], keep: set[uuid.UUID]) -> set[uuid.UUID]:
    found: set[uuid.UUID] = set()
    seen, queue = {node}, [node]
    while queue:
        for other in after.get(queue.pop(), ()):
            if other in seen:
                continue
            seen.add(other)
            if other in keep:
                found.add(other)
            else:
                queue.append(other)
    return found
