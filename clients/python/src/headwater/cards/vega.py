"""Draws the common part of Vega-Lite as SVG: rows of inline data become series, series become marks. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from datetime import datetime
from statistics import median
from typing import Any, NamedTuple

from headwater.cards.html import Html, join, tag
from headwater.cards.scales import Band, Linear, Scale, colour, number_text

Row = dict[str, Any]
WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 28, 48
MOST_ROWS = 20_000
MARKS = frozenset(("bar", "line", "area", "point", "circle", "square", "tick"))
_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "mean": lambda values: math.fsum(values) / len(values),
    "average": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "median": median,
    "count": len,
}


class NotDrawn(Exception):
    """The specification asks for something that is not drawn; the message names it."""


class Channel(NamedTuple):
    """x, y or colour of a layer."""

    field: str = ""
    kind: str = "nominal"
    aggregate: str = ""
    bin: bool = False
    title: str = ""
    value: str = ""

    @property
    def continuous(self) -> bool:
        return self.kind in ("quantitative", "temporal") and not self.bin


class Layer(NamedTuple):
    mark: str
    x: Channel
    y: Channel
    color: Channel | None
    points: list[tuple[Any, Any, str]]  # x, y, series


def draw(spec: dict[str, Any]) -> Html:
    """The SVG of a specification. Raises NotDrawn."""
    if not isinstance(spec, dict):
        raise NotDrawn("the specification is not an object")
    for key in ("vconcat", "hconcat", "concat"):
        if isinstance(spec.get(key), list):
            return join(draw({**_inherited(spec), **part}) for part in spec[key])
    for key in ("facet", "repeat", "transform", "marks", "params"):
        if key in spec and not (key == "params" and _harmless(spec[key])):
            raise NotDrawn(f"it uses {key!r}")
    parts = spec["layer"] if isinstance(spec.get("layer"), list) else [spec]
    layers = [_layer({**_inherited(spec), **part}) for part in parts]
    if not layers:
        raise NotDrawn("it has no layers")
    title = spec.get("title")
    return _svg(layers, title.get("text", "") if isinstance(title, dict) else title or "")


def _inherited(spec: Row) -> Row:
    return {key: spec[key] for key in ("data", "datasets", "encoding") if key in spec}


def _harmless(params: Any) -> bool:
    """Selections that only zoom and pan."""
    return isinstance(params, list) and all(isinstance(p, dict) and p.get("bind") == "scales" for p in params)


def _layer(spec: Row) -> Layer:
    mark = spec.get("mark")
    mark = mark.get("type") if isinstance(mark, dict) else mark
    if mark not in MARKS:
        raise NotDrawn(f"it has the mark {mark!r}")
    if "transform" in spec:
        raise NotDrawn("it uses 'transform'")
    encoding = spec.get("encoding")
    if not isinstance(encoding, dict) or not ({"x", "y"} & set(encoding)):
        raise NotDrawn("it has neither x nor y")
    if unknown := set(encoding) - {"x", "y", "color", "tooltip", "order", "opacity", "size", "detail"}:
        raise NotDrawn(f"it encodes {', '.join(sorted(unknown))}")
    x, y = _channel(encoding.get("x")), _channel(encoding.get("y"))
    color = _channel(encoding["color"]) if "color" in encoding else None
    return Layer(mark, x, y, color, _points(_rows(spec), x, y, color))


def _channel(given: Any) -> Channel:
    if given is None:
        return Channel()
    if not isinstance(given, dict):
        raise NotDrawn("a channel is not an object")
    if "condition" in given or "timeUnit" in given or isinstance(given.get("field"), dict):
        raise NotDrawn("it uses conditions, time units or repeated fields")
    aggregate = given.get("aggregate") or ""
    if aggregate and aggregate not in _AGGREGATES:
        raise NotDrawn(f"it aggregates by {aggregate!r}")
    field = str(given.get("field") or "")
    kind = given.get("type") or ("quantitative" if aggregate or given.get("bin") else "nominal")
    axis = given.get("axis")
    title = (
        given.get("title") or (axis.get("title") if isinstance(axis, dict) else "") or f"{aggregate} {field}".strip()
    )
    return Channel(field, kind, aggregate, bool(given.get("bin")), str(title), str(given.get("value") or ""))


def _rows(spec: Row) -> list[Row]:
    data = spec.get("data")
    data = data if isinstance(data, dict) else {}
    rows = data.get("values")
    if rows is None and "name" in data:
        rows = (spec.get("datasets") or {}).get(data["name"])
    if not isinstance(rows, list):
        raise NotDrawn("its data is not inside of it")
    if len(rows) > MOST_ROWS:
        raise NotDrawn(f"it has more than {MOST_ROWS:,} rows")
    return [row if isinstance(row, dict) else {"data": row} for row in rows]


def _points(rows: list[Row], x: Channel, y: Channel, color: Channel | None) -> list[tuple[Any, Any, str]]:
    series = (lambda row: str(row.get(color.field, ""))) if color and color.field else (lambda row: "")
    bins = {channel: _bins(rows, channel.field) for channel in (x, y) if channel.bin}
    get = {channel: _reader(channel, bins.get(channel)) for channel in (x, y)}
    if not (x.aggregate or y.aggregate):
        found = [(get[x](row), get[y](row), series(row)) for row in rows]
        return [point for point in found if point[0] is not None and point[1] is not None]
    groups: dict[tuple[Any, str], list[Row]] = {}
    by, over = (x, y) if y.aggregate else (y, x)
    for row in rows:
        if (key := get[by](row)) is not None:
            groups.setdefault((key, series(row)), []).append(row)
    points: list[tuple[Any, Any, str]] = []
    for (key, name), members in groups.items():
        values = [v for v in (_number(row.get(over.field)) for row in members) if v is not None]
        if over.aggregate == "count":
            values = [1.0] * len(members)
        if values:
            value = float(_AGGREGATES[over.aggregate](values))
            points.append((key, value, name) if over is y else (value, key, name))
    return points


def _reader(channel: Channel, bins: tuple[float, float] | None) -> Callable[[Row], Any]:
    if bins is not None:
        low, width = bins

        def read_bin(row: Row) -> float | None:
            value = _number(row.get(channel.field))
            return None if value is None else low + width * math.floor((value - low) / width + 1e-9)

        return read_bin
    if channel.kind == "temporal":
        return lambda row: _moment(row.get(channel.field))
    if channel.kind == "quantitative":
        return lambda row: _number(row.get(channel.field))
    return lambda row: str(row.get(channel.field, "")) if channel.field else ""


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if math.isfinite(value) and abs(value) < 1e300 else None


def _moment(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except (ValueError, OverflowError, OSError):
            return None
    found = _number(value)
    return None if found is None else found / 1000


def _bins(rows: list[Row], field: str) -> tuple[float, float]:
    values = [v for v in (_number(row.get(field)) for row in rows) if v is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    width = Linear.step((high - low) or 1.0, 10)
    return width * math.floor(low / width), width


def _svg(layers: list[Layer], title: str) -> Html:
    x = _scale([layer.x for layer in layers], [p[0] for layer in layers for p in layer.points], LEFT, WIDTH - RIGHT)
    values = [value for layer in layers for value in _extents(layer)]
    y = _scale([layer.y for layer in layers], values, HEIGHT - BOTTOM, TOP, zero=_from_zero(layers))
    names = list(dict.fromkeys(point[2] for layer in layers for point in layer.points if point[2]))
    parts: list[Any] = [tag("text", title, x=WIDTH / 2, y=16, class_="title")] if title else []
    parts += [
        x.axis(horizontal=True, at=HEIGHT - BOTTOM, far=TOP),
        y.axis(horizontal=False, at=LEFT, far=WIDTH - RIGHT),
    ]
    parts += [_labels(layers[0])]
    for number, layer in enumerate(layers):
        parts += _marks(layer, x, y, names, number)
    size = {"viewBox": f"0 0 {WIDTH} {HEIGHT + 18 * math.ceil(len(names) / 4)}"}
    return tag("svg", *parts, _legend(names), role="img", **size)


def _extents(layer: Layer) -> list[Any]:
    """Values that the y scale must hold: of stacked bars the sums."""
    if layer.mark != "bar" or not layer.y.continuous or layer.x.continuous:
        return [point[1] for point in layer.points]
    sums: dict[Any, float] = {}
    for key, value, _ in layer.points:
        sums[key] = sums.get(key, 0.0) + value
    return list(sums.values())


def _from_zero(layers: list[Layer]) -> bool:
    return any(layer.mark in ("bar", "area") for layer in layers)


def _scale(channels: list[Channel], values: Iterable[Any], start: float, end: float, zero: bool = False) -> Scale:
    first = channels[0]
    if all(channel.continuous for channel in channels):
        numbers = [float(value) for value in values]
        return Linear(numbers, start, end, zero=zero, temporal=first.kind == "temporal")
    found = dict.fromkeys(values)
    if any(channel.bin for channel in channels):
        return Band(sorted(v for v in found if isinstance(v, float)), start, end)
    return Band(list(found), start, end)


def _labels(layer: Layer) -> Html:
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return join((
        tag("text", layer.x.title, x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 10, class_="label"),
        tag("text", layer.y.title, x=14, y=middle, class_="label", transform=f"rotate(-90 14 {middle})"),
    ))  # fmt: skip


def _marks(layer: Layer, x: Scale, y: Scale, names: list[str], number: int) -> list[Html]:
    def paint(name: str) -> str:
        return colour(names.index(name) if name in names else number)

    if layer.mark == "bar":
        return _bars(layer, x, y, paint)
    if layer.mark in ("line", "area"):
        return [_path(layer, name, x, y, paint(name)) for name in dict.fromkeys(p[2] for p in layer.points)]
    radius = 3 if layer.mark != "tick" else 1.5
    return [
        tag("circle", _hint(p), cx=f"{x.at(p[0]):.1f}", cy=f"{y.at(p[1]):.1f}", r=radius, fill=paint(p[2]),
            fill_opacity=0.7)
        for p in layer.points
    ]  # fmt: skip


def _bars(layer: Layer, x: Scale, y: Scale, paint: Callable[[str], str]) -> list[Html]:
    """Bars stand on the axis of the band; those of one place are stacked."""
    lying = isinstance(y, Band) and not isinstance(x, Band)
    base: dict[Any, float] = {}
    bars: list[Html] = []
    for point in layer.points:
        key, value = (point[1], point[0]) if lying else (point[0], point[1])
        if not isinstance(value, float):
            raise NotDrawn("its bars have no length")
        band, length = (y, x) if lying else (x, y)
        start, end = base.get(key, 0.0), base.get(key, 0.0) + value
        base[key] = end
        a, b = length.at(max(start, length.low)), length.at(end)
        middle, width = band.at(key), band.width
        box = {"x": min(a, b), "y": middle - width / 2, "width": abs(a - b), "height": width}
        if not lying:
            box = {"x": middle - width / 2, "y": min(a, b), "width": width, "height": abs(a - b)}
        bars.append(tag("rect", _hint(point), fill=paint(point[2]), **{k: f"{v:.1f}" for k, v in box.items()}))
    return bars


def _path(layer: Layer, name: str, x: Scale, y: Scale, paint: str) -> Html:
    points = [(x.at(p[0]), y.at(p[1])) for p in layer.points if p[2] == name]
    points.sort(key=lambda point: point[0])
    line = "L".join(f"{a:.1f} {b:.1f}" for a, b in points)
    if layer.mark == "line" or not points:
        return tag("path", d=f"M{line}" if points else "", fill="none", stroke=paint, stroke_width=2)
    ground = f"{y.at(max(0.0, y.low)):.1f}"
    closed = f"M{points[0][0]:.1f} {ground}L{line}L{points[-1][0]:.1f} {ground}Z"
    return tag("path", d=closed, fill=paint, fill_opacity=0.4, stroke=paint)


def _hint(point: tuple[Any, Any, str]) -> Html:
    shown = [number_text(value) if isinstance(value, float) else str(value) for value in point[:2]]
    return tag("title", ", ".join((*shown, *([point[2]] if point[2] else []))))


def _legend(names: list[str]) -> Html:
    entries: list[Html] = []
    for number, name in enumerate(names[:40]):
        left, top = LEFT + 120 * (number % 4), HEIGHT + 4 + 18 * (number // 4)
        entries.append(tag("rect", x=left, y=top, width=10, height=10, fill=colour(number)))
        entries.append(tag("text", name[:16], x=left + 14, y=top + 9, class_="tick"))
    return join(entries)
