"""Parameters that name data, such as dataset://digits/production: a run means what that was when it started. Pure.

What a name stands for is the artifact service's to say; here is where names stand, and which already are for good.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAMES = ("dataset://", "datum://")
_PINNED = re.compile(r"dataset://[^/]+/[1-9]\d*(/.*)?|datum://([0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")
MOST_DEEP = 20


def is_pinned(text: str) -> bool:
    """Does it name one version, or one file, whatever happens later?"""
    return _PINNED.fullmatch(text) is not None


def references(value: Any, deep: int = 0) -> Iterator[str]:
    """All that name data, in the order in which they stand."""
    if isinstance(value, str):
        if value.startswith(_NAMES):
            yield value
    elif deep < MOST_DEEP and isinstance(value, (Mapping, list)):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from references(each, deep + 1)


def replaced(value: Any, pinned: Mapping[str, str], deep: int = 0) -> Any:
    """The same with other names."""
    if isinstance(value, str):
        return pinned.get(value, value)
    if deep >= MOST_DEEP:
        return value
    if isinstance(value, Mapping):
        return {key: replaced(each, pinned, deep + 1) for key, each in value.items()}
    return [replaced(each, pinned, deep + 1) for each in value] if isinstance(value, list) else value
