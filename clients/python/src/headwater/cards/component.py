"""The base of components, and how one becomes markup: whatever goes wrong in it is shown in its place.

A component's render() gives Html, plain text (which is escaped), or data (which is shown as JSON).
"""

from __future__ import annotations

import json
import os
import traceback
from typing import Any

from headwater.cards.html import Html, shorten, tag, text

MOST_TEXT = 200_000


class MetaflowCardComponent:
    """Base class of everything that can be appended to a card: implement render()."""

    REALTIME_UPDATABLE = False
    _component_id: str | None = None

    @property
    def component_id(self) -> str | None:
        return self._component_id

    @component_id.setter
    def component_id(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("Component ID must be a string")
        self._component_id = value

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Changes what is shown; the card shows it at its next refresh."""
        raise NotImplementedError(f"{type(self).__name__} cannot be updated")

    def render(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no render()")


class UserComponent(MetaflowCardComponent):
    """Base class of the components that Headwater has."""

    REALTIME_UPDATABLE = True


def make_id(component: object) -> str:
    return f"{type(component).__name__.lower()}_{os.urandom(3).hex()}"


def markup(value: Any) -> Html:
    """Anything a card may hold as markup. Never raises what a component raises."""
    if isinstance(value, MetaflowCardComponent):
        try:
            value = value.render()
        except Exception:
            return problem(f"{type(value).__name__} cannot be rendered", traceback.format_exc())
    if isinstance(value, Html):
        return value
    if isinstance(value, (dict, list, tuple)):
        return preformatted(json.dumps(value, indent=2, default=str, ensure_ascii=False))
    return tag("div", text(shorten(str(value), MOST_TEXT)), class_="text")


def problem(title: str, details: str = "") -> Html:
    """A box that says what went wrong."""
    return tag("div", tag("strong", title), tag("pre", details) if details else "", class_="box error")


def preformatted(content: str) -> Html:
    return tag("pre", shorten(content, MOST_TEXT), class_="code")
