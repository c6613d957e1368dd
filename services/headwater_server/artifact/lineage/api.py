"""The RPCs of lineage: one question, one bounded part of the graph; and the rebuild. No SQL here."""

from datetime import datetime
from typing import Any

from headwater.api.artifact.v1 import lineage_pb2 as pb
from headwater_server.artifact.limits import check_project
from headwater_server.artifact.lineage import finding, messages, names, walking
from headwater_server.artifact.lineage.nodes import ALWAYS, KINDS
from headwater_server.artifact.lineage.store import LineageStore
from headwater_server.artifact.lineage.walking import DOWN, UP, Bounds
from headwater_server.kit.errors import InvalidArgument, PermissionDenied
from headwater_server.kit.hints import did_you_mean, shown
from headwater_server.kit.identity import Peers
from headwater_server.kit.rpc import Call

DEPTH, MOST_DEPTH = 20, 100
NODES, MOST_NODES = 500, 10_000
SIBLINGS, MOST_SIBLINGS = 10, 1000
DIRECTIONS = {
    pb.LINEAGE_DIRECTION_UNSPECIFIED: (UP, DOWN),
    pb.LINEAGE_DIRECTION_UPSTREAM: (UP,),
    pb.LINEAGE_DIRECTION_DOWNSTREAM: (DOWN,),
    pb.LINEAGE_DIRECTION_BOTH: (UP, DOWN),
}
ALL = "*"


class LineageApi:
    def __init__(self, store: LineageStore, peers: Peers) -> None:
        self._store, self._peers = store, peers

    async def get_lineage(self, request: pb.GetLineageRequest, call: Call) -> pb.GetLineageResponse:
        project, bounds, named = check_project(request.project), _bounds(request), names.parse(request.node)
        run = None
        if isinstance(named, names.OfRun):
            run = await finding.full_run(self._peers, named, project, call)
        async with self._store.reading() as (conn, build):
            asked = finding.Asked(conn, build, project)
            roots = await finding.find(asked, named, run, bounds.siblings)
            found = await walking.walk(asked, roots[: bounds.siblings], bounds)
        found.truncated |= len(roots) > bounds.siblings
        idents = {key: messages.ident(row) for key, row in found.rows.items()}
        order = sorted(found.rows, key=lambda key: (abs(found.distance[key]), *_when(found.rows[key]), idents[key]))
        ways = {UP: pb.LINEAGE_DIRECTION_UPSTREAM, DOWN: pb.LINEAGE_DIRECTION_DOWNSTREAM}
        return pb.GetLineageResponse(
            roots=[idents[root] for root in roots if root in idents],
            nodes=[messages.node(found.rows[key], found.distance[key]) for key in order],
            edges=[_edge(*each) for each in sorted((idents[a], idents[b], kind) for a, b, kind in found.edges)],
            hidden=[
                pb.LineageHidden(node=idents[node], like=idents[like], direction=ways[way], count=count)
                for node, like, way, count in found.hidden
            ],
            truncated=found.truncated,
        )

    async def rebuild_lineage(self, request: pb.RebuildLineageRequest, call: Call) -> pb.RebuildLineageResponse:
        if call.project != ALL:
            hint = "lineage is that of all projects: it takes a token that is good for all"
            text = f"{call.actor.name} may see project {call.project} only"
            raise PermissionDenied(text, hint=hint, reason="PROJECT")
        made = await self._store.rebuild()
        return pb.RebuildLineageResponse(events=made.events, nodes=made.nodes, edges=made.edges, changed=made.changed)


def _when(row: Any) -> tuple[bool, datetime]:
    """In the order of time, what has none behind it."""
    return row["at"] in (None, ALWAYS), row["at"] or ALWAYS


def _edge(source: str, target: str, kind: str) -> pb.LineageEdge:
    return pb.LineageEdge(**{"from": source, "to": target, "kind": kind})


def _bounds(request: pb.GetLineageRequest) -> Bounds:
    if request.direction not in DIRECTIONS:
        hint = f"one of {', '.join(pb.LineageDirection.keys()[1:])}"
        raise InvalidArgument(f"direction: {request.direction} is no direction", field="direction", hint=hint)
    for kind in request.kinds:
        if kind not in KINDS:
            hint = did_you_mean(kind, list(KINDS)) or f"one of {', '.join(KINDS)}"
            raise InvalidArgument(f"kinds: {shown(kind)} is no kind of node", field="kinds", hint=hint)
    return Bounds(
        DIRECTIONS[request.direction],
        _number("depth", request.depth, DEPTH, MOST_DEPTH),
        _number("max_nodes", request.max_nodes, NODES, MOST_NODES),
        _number("siblings", request.siblings, SIBLINGS, MOST_SIBLINGS),
        frozenset(KINDS[kind] for kind in request.kinds),
    )


def _number(field: str, given: int, default: int, most: int) -> int:
    if not 0 <= given <= most:
        hint = f"1 to {most:,}; 0 stands for {default}"
        raise InvalidArgument(f"{field}: {given} is not within 0 and {most:,}", field=field, hint=hint)
    return given or default
