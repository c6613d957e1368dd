"""EventsTimeline: what happened, the newest first."""

from __future__ import annotations

import re
import time
from typing import Any

from headwater.cards.component import MetaflowCardComponent, UserComponent, markup
from headwater.cards.components import represent
from headwater.cards.html import Html, tag, text

_CLASS = re.compile(r"^[a-zA-Z][a-zA-Z0-9_-]*$")


class EventsTimeline(UserComponent):
    """Events as they come: events.update({"action": "step", "loss": 0.2}, style_theme="success").

    max_events: how many of the newest are shown; all are counted.
    """

    VALID_THEMES = frozenset(
        ("default", "success", "warning", "error", "info", "primary", "secondary", "tool_call", "ai_response")
    )

    def __init__(self, title: str | None = None, max_events: int = 100) -> None:
        self._title = title
        self._max_events = max_events
        self._events: list[dict[str, Any]] = []
        self._total = 0
        self._first: float | None = None
        self._last: float | None = None
        self._finished = False

    def update(
        self,
        event_data: dict[str, Any],
        style_theme: str | None = None,
        priority: str | None = None,
        payloads: dict[str, Any] | None = None,
        finished: bool | None = None,
    ) -> None:
        """Adds an event. payloads: components shown below it; finished: nothing more will come."""
        if style_theme is not None and not _CLASS.match(style_theme):
            raise ValueError(f"Invalid style_theme '{style_theme}'. Must be a valid CSS class name.")
        for key, payload in (payloads or {}).items():
            if not isinstance(payload, MetaflowCardComponent):
                raise TypeError(f"Payload '{key}' must be a component, got {type(payload).__name__}")
        now = time.time()
        event_data.setdefault("timestamp", now)
        event = {"data": dict(event_data), "theme": style_theme, "priority": priority, "payloads": payloads or {}}
        self._events = [event, *self._events][: self._max_events]
        self._total += 1
        self._first, self._last = self._first or now, now
        if finished is not None:
            self._finished = finished

    def get_stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = {
            "total_events": self._total,
            "displayed_events": len(self._events),
            "last_update": self._last,
            "first_event": self._first,
            "finished": self._finished,
        }
        if self._first is not None and self._last is not None and self._total > 1 and self._last > self._first:
            runtime = self._last - self._first
            stats["events_per_minute"] = round(self._total / runtime * 60, 1)
            stats["total_runtime_seconds"] = round(runtime, 1)
        return stats

    def render(self) -> Html:
        stats = self.get_stats()
        rate = f", {stats['events_per_minute']} per minute" if "events_per_minute" in stats else ""
        state = "finished" if self._finished else "open"
        head = tag("div", tag("strong", self._title or "Events"), f" {self._total} events{rate}, {state}", class_="dim")
        return tag("div", head, *(_event(each) for each in self._events), class_="timeline")


def _event(event: dict[str, Any]) -> Html:
    shown = {key: value for key, value in event["data"].items() if key != "timestamp"}
    theme, priority = event["theme"] or "default", event["priority"]
    details = [
        Html(f"<details>{tag('summary', name)}{markup(payload)}</details>")
        for name, payload in event["payloads"].items()
    ]
    pairs = [
        tag("span", tag("b", f"{key}: "), text(value if isinstance(value, str) else represent(value)))
        for key, value in shown.items()
    ]
    when = tag("time", _clock(event["data"].get("timestamp")))
    return tag("div", when, *pairs, *details, class_=f"event theme-{theme}" + (" high" if priority in _HIGH else ""))


_HIGH = ("high", "critical")


def _clock(moment: Any) -> str:
    if isinstance(moment, (int, float)):
        return time.strftime("%H:%M:%S", time.gmtime(moment))
    return str(moment)
