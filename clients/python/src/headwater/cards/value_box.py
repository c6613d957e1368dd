"""ValueBox: one number, large."""

from __future__ import annotations

import re
from typing import Any

from headwater.cards.component import UserComponent
from headwater.cards.html import Html, tag

_CLASS = re.compile(r"^[a-zA-Z][a-zA-Z0-9_-]*$")


class ValueBox(UserComponent):
    """A key figure: ValueBox(title="Accuracy", value=0.93, subtitle="validation", change_indicator="+0.02").

    theme: default, success, warning, danger, or bg-gradient-<colour>-<colour>. Raises TypeError and ValueError for what
    cannot be shown.
    """

    def __init__(
        self,
        title: str | None = None,
        value: str | int | float = "",
        subtitle: str | None = None,
        theme: str | None = None,
        change_indicator: str | None = None,
    ) -> None:
        self._shown: dict[str, Any] = {}
        self._set(title=title, value=value, subtitle=subtitle, theme=theme, change_indicator=change_indicator)

    def update(
        self,
        title: str | None = None,
        value: str | int | float | None = None,
        subtitle: str | None = None,
        theme: str | None = None,
        change_indicator: str | None = None,
    ) -> None:
        given = {"title": title, "value": value, "subtitle": subtitle, "theme": theme}
        given["change_indicator"] = change_indicator
        self._set(**{name: each for name, each in given.items() if each is not None})

    def render(self) -> Html:
        shown = self._shown
        theme = re.sub(r"[^\w-]", "", shown.get("theme") or "default")
        lines = (("title", "title"), ("value", "value"), ("subtitle", "dim"), ("change_indicator", "change"))
        parts = [tag("div", shown[name], class_=style) for name, style in lines if shown.get(name) is not None]
        return tag("div", *parts, class_=f"value-box theme-{theme}")

    def _set(self, **given: Any) -> None:
        for name, value in given.items():
            if name == "value":
                _check_value(value)
            elif value is not None:
                _check_text(name, value, 300 if name == "subtitle" else 200)
        self._shown.update(given)


def _check_text(name: str, value: Any, most: int) -> None:
    label = name.replace("_", " ").capitalize()
    if not isinstance(value, str):
        raise TypeError(f"{label} must be a string, got {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"{label} cannot be empty or whitespace only")
    if len(value) > most:
        raise ValueError(f"{label} must be {most} characters or less, got {len(value)} characters")
    if name == "theme" and not _CLASS.match(value):
        raise ValueError(f"Theme must be a valid CSS class name, got '{value}'")


def _check_value(value: Any) -> None:
    if value is None:
        raise ValueError("Value is required and cannot be None")
    if not isinstance(value, (str, int, float)):
        raise TypeError(f"Value must be str, int, or float, got {type(value).__name__}")
    if isinstance(value, str):
        if len(value) > 100:
            raise ValueError(f"String value must be 100 characters or less, got {len(value)} characters")
        if not value.strip():
            raise ValueError("String value cannot be empty or whitespace only")
    elif not -1e15 <= value <= 1e15:
        raise ValueError(f"Numeric value must be between -1e15 and 1e15, got {value}")
