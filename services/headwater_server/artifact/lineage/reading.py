"""What an event says about lineage: names, nodes, edges, and who is no more. Pure: the same event, the same answer.

tasks.py reads what tasks have read and written, models.py what runs and the registry say.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from headwater_server.artifact.limits import check_project, full_run_id, is_digest
from headwater_server.artifact.lineage import nodes
from headwater_server.artifact.lineage.nodes import Edge, Name, Node, edge
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Fact:
    """An event as it is kept: what of its body matters here."""

    id: str
    type: str
    project: str
    at: datetime
    body: Body
    owner: uuid.UUID | None = None


@dataclass
class Told:
    """What some events say together. aliases: nodes whose one edge comes from the version that they name."""

    names: dict[uuid.UUID, Name] = field(default_factory=dict)
    nodes: dict[uuid.UUID, Node] = field(default_factory=dict)
    edges: dict[tuple[uuid.UUID, uuid.UUID, int], Edge] = field(default_factory=dict)
    gone: set[uuid.UUID] = field(default_factory=set)
    # Of these, events told earlier are no more needed either.
    forgotten: set[uuid.UUID] = field(default_factory=set)

    def name(self, name: Name) -> None:
        before = self.names.get(name.id)
        if before is None or (name.at, name.name) > (before.at, before.name):
            self.names[name.id] = name

    def node(self, node: Node) -> Node:
        before = self.nodes.get(node.id)
        if before is None or newer(node, before):
            self.nodes[node.id] = node
        return node

    def edge(self, source: Node, kind: str, target: Node) -> None:
        found = edge(self.node(source), kind, self.node(target))
        self.edges[found.key] = found


def newer(a: Node, b: Node) -> bool:
    """Of two that tell what a node is, the later counts, of equal times the greater text."""
    return a.at is not None and (b.at is None or (a.at, a.attrs) > (b.at, b.attrs))


Reader = Callable[[Told, Fact], None]


def text(body: Body, name: str) -> str:
    found = body.get(name, "")
    if not isinstance(found, str) or "\0" in found or len(found) > nodes.MOST_TEXT:
        raise InvalidArgument(f"{name}: {shown(found)} is not a text of that kind", field=name)
    return found


def number(body: Body, name: str) -> int:
    """64-bit numbers travel as text."""
    found = body.get(name, 0)
    try:
        return int(found)
    except (TypeError, ValueError):
        raise InvalidArgument(f"{name}: {shown(found)} is not a number", field=name) from None


def items(body: Body, name: str) -> list[Any]:
    found = body.get(name) or []
    if not isinstance(found, list):
        raise InvalidArgument(f"{name}: {shown(found)} is not a list", field=name)
    return found


def mapping(body: Body, name: str) -> Body:
    found = body.get(name) or {}
    if not isinstance(found, Mapping):
        raise InvalidArgument(f"{name}: {shown(found)} is not an object", field=name)
    return found


def run_of(body: Body, name: str = "runId") -> uuid.UUID:
    found = full_run_id(text(body, name))
    if found is None:
        raise InvalidArgument(f"{name}: {shown(body.get(name))} is not the id of a run", field=name)
    return found


def optional_run(body: Body, name: str) -> uuid.UUID | None:
    return full_run_id(text(body, name))


def digest_of(found: object) -> str:
    """A sha256 in hex, or ""."""
    return found if isinstance(found, str) and is_digest(found) else ""


def moment(body: Body, default: datetime) -> datetime:
    try:
        return msgspec.convert(body["at"], datetime) if body.get("at") else default
    except msgspec.ValidationError:
        raise InvalidArgument(f"at: {shown(body['at'])} is not an RFC 3339 time", field="at") from None


def project_of(body: Body, default: str) -> str:
    return check_project(text(body, "project") or default or "default")
