"""Markup that is safe by type: Html is markup, every other text is escaped before it gets into a page."""

from __future__ import annotations

from html import escape
from typing import Any

_VOID = frozenset(("img", "br", "hr", "meta"))


class Html(str):
    """A piece of markup that may go into a page as it is. Whoever makes one vouches for it."""

    __slots__ = ()


def text(value: Any) -> Html:
    """A value as text of a page."""
    return value if isinstance(value, Html) else Html(escape(str(value), quote=True))


def join(parts: Any, between: str = "") -> Html:
    return Html(between.join(text(part) for part in parts))


def tag(name: str, /, *children: Any, **attributes: Any) -> Html:
    """An element: tag("p", "a < b", class_="note"). Attributes that are None are left out; `class_` is class."""
    said = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{said}>")
    return Html(f"<{name}{said}>{join(children)}</{name}>")


def shorten(value: str, most: int) -> str:
    return value if len(value) <= most else f"{value[:most]}… ({len(value):,} characters)"
