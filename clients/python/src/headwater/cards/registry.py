"""Which class a card's type stands for: built in, imported by the flow, an entry point, or "module:Class"."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from headwater.cards.types import BUILT_IN, MetaflowCard
from headwater.errors import FlowError

GROUP = "headwater.cards"
_ALIASES = {"taskspec": "taskspec_card"}


class UnknownCard(FlowError):
    """There is no card of this type."""


def card_class(kind: str) -> type[MetaflowCard]:
    """The class of a type of cards. Raises UnknownCard, or what its import raises."""
    kind = _ALIASES.get(kind, kind)
    for cls in (*BUILT_IN, *_imported()):
        if cls.type == kind:
            return cls
    module, colon, name = kind.partition(":")
    if colon:
        from importlib import import_module

        return _checked(getattr(import_module(module), name, None), kind)
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP):
        if point.name == kind:
            return _checked(point.load(), kind)
    known = ", ".join(cls.type for cls in BUILT_IN)
    raise UnknownCard(
        f"MetaflowCard named {kind} not found. Check the `type` attribute in @card",
        hint=f'one of {known}, a class that the flow imports, or "module:Class"',
    )


def make(cls: type[MetaflowCard], options: Any, components: Any, graph: Any, flow: Any) -> MetaflowCard:
    """An instance, with those of the arguments that its constructor takes."""
    given = {"options": options, "components": components, "graph": graph, "flow": flow}
    parameters = inspect.signature(cls.__init__).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        given = {name: value for name, value in given.items() if name in parameters}
    return cls(**given)


def _imported(base: type = MetaflowCard) -> Iterator[type[MetaflowCard]]:
    for cls in base.__subclasses__():
        if cls not in BUILT_IN:
            yield cls
        yield from _imported(cls)


def _checked(found: Any, kind: str) -> type[MetaflowCard]:
    if not isinstance(found, type) or not issubclass(found, MetaflowCard):
        raise UnknownCard(f"@card(type={kind!r}): {found!r} is not a subclass of MetaflowCard")
    return found
