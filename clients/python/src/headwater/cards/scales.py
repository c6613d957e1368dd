"""Scales of a chart: from values to places on a line, with the ticks and labels of its axis. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from headwater.cards.html import Html, join, tag

_COLOURS = (
    "#4269d0", "#efb118", "#ff725c", "#3ca951", "#6cc5b0", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0", "#ff8ab7",
)  # fmt: skip
MOST_LABELS = 24


def colour(number: int) -> str:
    return _COLOURS[number % len(_COLOURS)]


def number_text(value: float) -> str:
    """A number for people: 1234567 → "1.23M"."""
    size = abs(value)
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            shown = value / (1e3 if unit == "k" else limit)
            return f"{shown:.3g}{unit}" if abs(shown) < 1000 else f"{value:.3g}"
    return f"{value:.4g}"


class Scale:
    """What both kinds share: a width per value, and the drawing of an axis."""

    width = 0.0
    low = 0.0

    def at(self, value: Any) -> float:
        raise NotImplementedError

    def ticks(self) -> list[tuple[float, str]]:
        raise NotImplementedError

    def axis(self, *, horizontal: bool, at: float, far: float) -> Html:
        """Ticks with labels and a thin line across the chart for each."""
        parts: list[Html] = []
        for place, label in self.ticks():
            p = f"{place:.1f}"
            if horizontal:
                parts.append(tag("line", x1=p, x2=p, y1=at, y2=far, class_="grid"))
                parts.append(tag("text", label[:14], x=p, y=at + 15, class_="tick middle"))
            else:
                parts.append(tag("line", x1=at, x2=far, y1=p, y2=p, class_="grid"))
                parts.append(tag("text", label[:9], x=at - 5, y=float(p) + 4, class_="tick end"))
        return join(parts)


class Linear(Scale):
    """Numbers and times."""

    def __init__(
        self, values: list[float], start: float, end: float, *, zero: bool = False, temporal: bool = False
    ) -> None:
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        if zero:
            low, high = min(low, 0.0), max(high, 0.0)
        if low == high:
            low, high = low - 0.5, high + 0.5
        self._temporal = temporal
        self._gap = self.step(high - low, 6)
        if not temporal:
            low = self._gap * math.floor(low / self._gap + 1e-9)
            high = self._gap * math.ceil(high / self._gap - 1e-9)
        self.low, self.high = low, high
        self._start, self._end = start, end

    @staticmethod
    def step(extent: float, parts: int) -> float:
        """A round step that divides an extent into about so many parts."""
        rough = extent / parts
        power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
        return next((power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999), power * 10)

    def at(self, value: Any) -> float:
        return self._start + (float(value) - self.low) / (self.high - self.low) * (self._end - self._start)

    def ticks(self) -> list[tuple[float, str]]:
        first = math.ceil(self.low / self._gap - 1e-9)
        last = math.floor(self.high / self._gap + 1e-9)
        return [(self.at(n * self._gap), self._text(n * self._gap)) for n in range(first, min(last, first + 30) + 1)]

    def _text(self, value: float) -> str:
        if not self._temporal:
            return number_text(0.0 if abs(value) < self._gap * 1e-6 else value)
        moment = datetime.fromtimestamp(value, UTC)
        return moment.strftime("%Y-%m-%d" if self.high - self.low > 2 * 86400 else "%H:%M:%S")


class Band(Scale):
    """Names, one place each."""

    def __init__(self, values: list[Any], start: float, end: float) -> None:
        self._places = {value: number for number, value in enumerate(values)}
        self._start, self._step = start, (end - start) / max(len(values), 1)
        self.width = abs(self._step) * 0.8

    def at(self, value: Any) -> float:
        return self._start + (self._places.get(value, 0) + 0.5) * self._step

    def ticks(self) -> list[tuple[float, str]]:
        every = max(1, math.ceil(len(self._places) / MOST_LABELS))
        return [
            (self.at(value), number_text(value) if isinstance(value, float) else str(value))
            for value, number in self._places.items()
            if number % every == 0
        ]
