"""What a trace has used, from what its spans say: tokens and money. Pure.

A span may say what all below it used, and those say their own: then only the upper one counts.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

TOKENS = ("input_tokens", "output_tokens", "total_tokens")
CACHED = ("cache_read_input_tokens", "cache_creation_input_tokens", "cache_creation_input_tokens_above_1hr")
COSTS = ("input_cost", "output_cost", "total_cost")


class Node(NamedTuple):
    span_id: str
    parent_id: str | None
    used: Mapping[str, Any] | None


def read(text: object) -> dict[str, Any] | None:
    """What an attribute says: an object of numbers, or nothing."""
    if not isinstance(text, str):
        return None
    try:
        value: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    return {key: number for key, number in value.items() if type(number) in (int, float)}


def total(nodes: Iterable[Node], keys: tuple[str, ...], sometimes: tuple[str, ...] = ()) -> dict[str, Any]:
    """{}: nobody says anything. sometimes: keys that are only there where a span has them."""
    known = {node.span_id: node for node in nodes}
    counted = [node for node in known.values() if node.used is not None and not _covered(node, known)]
    if not counted:
        return {}
    sums: dict[str, Any] = dict.fromkeys(keys, 0)
    for node in counted:
        for key, number in (node.used or {}).items():
            if key in keys or key in sometimes:
                sums[key] = sums.get(key, 0) + number
    return sums


def _covered(node: Node, known: Mapping[str, Node]) -> bool:
    """Says a span above it what it used? Parents in a circle are nobody's."""
    seen = {node.span_id}
    above = known.get(node.parent_id or "")
    while above is not None and above.span_id not in seen:
        if above.used is not None:
            return True
        seen.add(above.span_id)
        above = known.get(above.parent_id or "")
    return False
