"""JSONViewer and YAMLViewer: nested data as text that can be folded."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from headwater.cards.component import MOST_TEXT, UserComponent
from headwater.cards.html import Html, shorten, tag

_LENGTH = re.compile(r"^\d{1,5}(\.\d+)?(px|rem|em|vh|%)$")
_PLAIN = re.compile(r"^[A-Za-z_][\w ./-]*$")


class JSONViewer(UserComponent):
    """Data as JSON. A string that is JSON is laid out anew; what JSON cannot hold becomes text.

    max_height: a CSS length. show_copy_button is accepted; the text can be selected.
    """

    _kind = "JSON"

    def __init__(
        self,
        data: Any,
        collapsible: bool = True,
        max_height: str | None = None,
        show_copy_button: bool = True,
        title: str | None = None,
    ) -> None:
        self._data = data
        self._collapsible = collapsible
        self._max_height = max_height
        self._title = title

    def update(self, data: Any) -> None:
        self._data = data

    def render(self) -> Html:
        height = self._max_height if self._max_height and _LENGTH.match(self._max_height) else None
        style = f"max-height:{height};overflow:auto" if height else None
        body = tag("pre", shorten(self._text(), MOST_TEXT), class_="code", style=style)
        title = self._title or self._kind
        if not self._collapsible:
            return tag("div", tag("strong", title), body)
        return Html(f"<details open>{tag('summary', title)}{body}</details>")

    def _text(self) -> str:
        data = self._data
        if isinstance(data, str):
            with suppress(ValueError):
                data = json.loads(data)
        try:
            return json.dumps(data, indent=2, ensure_ascii=False, default=str)
        except (TypeError, ValueError) as error:
            return json.dumps({"error": f"Could not serialize data: {error}"}, indent=2)


class YAMLViewer(JSONViewer):
    """Data as YAML; a string is shown as it is."""

    _kind = "YAML"

    def _text(self) -> str:
        return self._data if isinstance(self._data, str) else "\n".join(_yaml(self._data, 0))


def _yaml(value: Any, depth: int) -> list[str]:
    """Block style for dicts and lists, JSON for all else; YAML is a superset of it."""
    space = "  " * depth
    if depth > 40:
        return [f"{space}{_scalar(str(value))}"]
    if isinstance(value, dict) and value:
        lines: list[str] = []
        for key, each in value.items():
            lines += _entry(f"{space}{_scalar(str(key))}:", each, depth)
        return lines
    if isinstance(value, (list, tuple)) and value:
        lines = []
        for each in value:
            lines += _entry(f"{space}-", each, depth)
        return lines
    return [f"{space}{_scalar(value)}"]


def _entry(head: str, value: Any, depth: int) -> list[str]:
    if isinstance(value, (dict, list, tuple)) and value:
        return [head, *_yaml(value, depth + 1)]
    return [f"{head} {_scalar(value)}"]


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.match(value) and value.strip().lower() not in _WORDS:
        return value.strip()
    return json.dumps(value, ensure_ascii=False, default=str)


_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "none", "y", "n"))
