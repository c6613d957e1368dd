"""Which request is which call: the routes that the protos declare, and the tree that finds them. Pure."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from headwater_server.kit.errors import NotFound
from headwater_server.kit.grpc_server import SERVICES, descriptor
from headwater_server.kit.hints import shown
from headwater_server.kit.rpc import rule_of

T = TypeVar("T")
_REST = ":path"


@dataclass(frozen=True)
class Route:
    """The REST twin of an RPC."""

    verb: str
    path: str
    service: str
    action: str
    method: MethodDescriptor
    request: type[Message]

    @property
    def has_body(self) -> bool:
        return self.verb not in ("GET", "DELETE")


def rpc_routes() -> Iterator[Route]:
    """Those of all services. Raises ValueError where an RPC declares a path that its request cannot fill."""
    for service in SERVICES:
        for method in descriptor(service).methods:
            rule = rule_of(method)
            if not rule.verb:
                continue
            for name in names_of(rule.path):
                if name not in method.input_type.fields_by_name:
                    raise ValueError(f"{method.full_name}: {rule.path} names {name}, which its request lacks")
            yield Route(rule.verb, rule.path, service, rule.action, method, GetMessageClass(method.input_type))


def names_of(path: str) -> list[str]:
    """["run_id"] of "/api/v1/runs/{run_id}"; of "/files/{name:path}", ["name"]: it takes what is left of a path."""
    return [part[1:-1].removesuffix(_REST) for part in path.split("/") if part.startswith("{")]


@dataclass
class _Node(Generic[T]):
    literals: "dict[str, _Node[T]]" = field(default_factory=dict)
    any: "_Node[T] | None" = None
    rest: "_Node[T] | None" = None
    targets: dict[str, T] = field(default_factory=dict)
    path: str = ""


@dataclass(frozen=True)
class Match(Generic[T]):
    """What lies at a path, per verb, and the segments that fill the braces of its template, still encoded."""

    targets: dict[str, T]
    path: str
    segments: list[str]


class Router(Generic[T]):
    def __init__(self) -> None:
        self._root: _Node[T] = _Node()
        self._paths: list[str] = []

    def add(self, verb: str, path: str, target: T) -> None:
        """Raises ValueError when verb and path are taken."""
        node = self._root
        for part in path.strip("/").split("/"):
            if part.endswith(f"{_REST}}}"):
                node.rest = node.rest or _Node()
                node = node.rest
            elif part.startswith("{"):
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.literals.setdefault(part, _Node())
        if verb in node.targets:
            raise ValueError(f"two routes are {verb} {path}")
        node.targets[verb] = target
        if not node.path:
            node.path = path
            self._paths.append(path)

    def find(self, path: str) -> Match[T]:
        """path: as it was sent, percent-encoded. Raises NotFound with the paths that were perhaps meant."""
        parts = path.strip("/").split("/")
        found = _walk(self._root, parts, 0, [])
        if found is None:
            hint = self._close(parts)
            raise NotFound(f"there is nothing at {shown(path)}", field="path", hint=hint, reason="ROUTE")
        return found

    def _close(self, parts: list[str]) -> str:
        """Templates filled with the request's own words, so that ids do not count."""
        asked = "/" + "/".join(parts)
        filled: dict[str, str] = {}
        for path in self._paths:
            pieces = path.strip("/").split("/")
            words = [parts[i] if piece.startswith("{") and i < len(parts) else piece for i, piece in enumerate(pieces)]
            filled["/" + "/".join(words)] = path
        close = difflib.get_close_matches(asked[:300], list(filled), n=2, cutoff=0.75)
        return f"Did you mean {' or '.join(filled[c] for c in close)}?" if close else "GET /docs lists what there is."


def _walk(node: _Node[T], parts: list[str], at: int, segments: list[str]) -> Match[T] | None:
    if at == len(parts):
        return Match(node.targets, node.path, segments) if node.targets else None
    part = parts[at]
    if (child := node.literals.get(part)) is not None and (found := _walk(child, parts, at + 1, segments)):
        return found
    if node.any is not None and part and (found := _walk(node.any, parts, at + 1, [*segments, part])):
        return found
    if node.rest is not None:
        return Match(node.rest.targets, node.rest.path, [*segments, "/".join(parts[at:])])
    return None
