"""VegaChart: a Vega-Lite specification, drawn as SVG where it keeps to the common part, else shown as it is.

No JavaScript and no library of others: a card opens anywhere and fetches nothing.
"""

from __future__ import annotations

import json
from typing import Any

from headwater.cards import vega
from headwater.cards.component import UserComponent
from headwater.cards.html import Html, shorten, tag

MOST_SPEC = 200_000


class VegaChart(UserComponent):
    """A chart by its Vega-Lite specification (a dict), or VegaChart.from_altair_chart(chart).

    Drawn are bar, line, area, point, circle, square and tick marks on x, y and colour, layered or concatenated, with
    inline data, bins and the usual aggregates. Of anything else the card shows the specification and says why.
    """

    def __init__(self, spec: dict[str, Any], show_controls: bool = False) -> None:
        self._spec = spec
        self._show_controls = show_controls

    @classmethod
    def from_altair_chart(cls, altair_chart: Any) -> VegaChart:
        if not _is_altair(altair_chart):
            kind = type(altair_chart)
            raise ValueError(f"{kind.__module__}.{kind.__qualname__} is not an altair chart")
        return cls(altair_chart.to_dict())

    def update(self, spec: Any = None) -> None:
        """spec: a dict or an altair chart."""
        if spec is not None:
            self._spec = spec.to_dict() if _is_altair(spec) else spec

    def render(self) -> Html:
        source = json.dumps(self._spec, indent=2, default=str, ensure_ascii=False)
        listing = tag("pre", shorten(source, MOST_SPEC), class_="code")
        try:
            drawing = tag("div", vega.draw(json.loads(source)), class_="chart")
        except vega.NotDrawn as reason:
            note = f"This chart is not drawn here: {reason}. Its Vega-Lite specification:"
            return tag("div", tag("p", note, class_="dim"), listing, class_="box")
        if not self._show_controls:
            return drawing
        return Html(f"{drawing}<details>{tag('summary', 'Specification')}{listing}</details>")


def _is_altair(value: Any) -> bool:
    return type(value).__module__.split(".")[0] == "altair" and hasattr(value, "to_dict")
