"""The graph of a flow as SVG: a box per step, coloured by what is known of it when the card is made."""

from __future__ import annotations

from typing import Any

from headwater.cards.html import Html, join, tag

BOX, HIGH, GAP_X, GAP_Y, EDGE = 130, 34, 46, 18, 12
MOST_STEPS = 300


def draw(steps: list[dict[str, Any]], current: str, state: str) -> Html:
    """steps: scheduler.v1.Step in JSON. current: the step of the card, state: "running", "succeeded" or "failed"."""
    nodes = {step["name"]: step for step in steps[:MOST_STEPS]}
    columns = _columns(nodes)
    places: dict[str, tuple[float, float]] = {}
    tallest = max((len(column) for column in columns), default=1)
    for number, column in enumerate(columns):
        free = (tallest - len(column)) * (HIGH + GAP_Y) / 2
        for row, name in enumerate(column):
            places[name] = (EDGE + number * (BOX + GAP_X), EDGE + free + row * (HIGH + GAP_Y))
    states = _states(nodes, current, state)
    width, height = 2 * EDGE + len(columns) * (BOX + GAP_X) - GAP_X, 2 * EDGE + tallest * (HIGH + GAP_Y)
    edges = [_edge(places, name, target) for name in nodes for target in _next(nodes, name)]
    boxes = [_box(nodes[name], *places[name], states[name]) for name in places]
    size = {"viewBox": f"0 0 {width} {height}", "style": f"max-width:{width}px"}
    return tag("svg", join(edges), join(boxes), class_="dag", role="img", aria_label="graph of the flow", **size)


def _next(nodes: dict[str, Any], name: str) -> list[str]:
    return [target for target in nodes[name].get("next", ()) if target in nodes]


def _columns(nodes: dict[str, Any]) -> list[list[str]]:
    """Steps by the length of the longest way to them; edges that lead back do not count."""
    depth = dict.fromkeys(nodes, 0)
    forward: dict[str, list[str]] = {name: [] for name in nodes}
    seen: dict[str, int] = {}  # 1: on the way, 2: done
    order: list[str] = []
    for root in nodes:
        stack = [(root, iter(_next(nodes, root)))] if root not in seen else []
        seen.setdefault(root, 1)
        while stack:
            name, targets = stack[-1]
            target = next(targets, None)
            if target is None:
                seen[name] = 2
                order.append(name)
                stack.pop()
            elif seen.get(target) != 1:
                forward[name].append(target)
                if target not in seen:
                    seen[target] = 1
                    stack.append((target, iter(_next(nodes, target))))
    for name in reversed(order):
        for target in forward[name]:
            depth[target] = max(depth[target], depth[name] + 1)
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 1)]
    for name in nodes:
        columns[depth[name]].append(name)
    return columns


def _states(nodes: dict[str, Any], current: str, state: str) -> dict[str, str]:
    """What led here is done; what can follow is to come; of parallel branches nothing is known here."""
    before, queue = set[str](), [current]
    while queue:
        name = queue.pop()
        for parent in nodes:
            if name in _next(nodes, parent) and parent not in before:
                before.add(parent)
                queue.append(parent)
    after, queue = set[str](), [current] if current in nodes else []
    while queue:
        for target in _next(nodes, queue.pop()):
            if target not in after:
                after.add(target)
                queue.append(target)
    known = {name: "done" if name in before else "pending" if name in after else "unknown" for name in nodes}
    return known | {current: state}


def _edge(places: dict[str, tuple[float, float]], source: str, target: str) -> Html:
    (x1, y1), (x2, y2) = places[source], places[target]
    if x2 <= x1:  # back, or to itself
        bend = y1 + HIGH + 14
        path = f"M{x1 + BOX / 2} {y1 + HIGH}C{x1 + BOX / 2} {bend} {x2 + 20} {bend} {x2 + 20} {y2 + HIGH}"
        return tag("path", d=path, class_="edge back")
    start, end, middle = x1 + BOX, x2, (x1 + BOX + x2) / 2
    a, b = y1 + HIGH / 2, y2 + HIGH / 2
    return tag("path", d=f"M{start} {a}C{middle} {a} {middle} {b} {end} {b}", class_="edge")


def _box(step: dict[str, Any], x: float, y: float, state: str) -> Html:
    name = step["name"]
    kind = step.get("transition", "").removeprefix("TRANSITION_").lower()
    mark = {"foreach": " ⁎", "switch": " ◇"}.get(kind, "")
    hint = "\n".join(filter(None, (f"{name}: {state}", f"foreach {step['foreach']}" if step.get("foreach") else "",
                                   step.get("doc", ""))))  # fmt: skip
    shown = name if len(name) < 17 else f"{name[:15]}…"
    return tag(
        "g",
        tag("title", hint),
        tag("rect", x=x, y=y, width=BOX, height=HIGH, rx=6, class_=f"step {state}"),
        tag("text", shown + mark, x=x + BOX / 2, y=y + HIGH / 2 + 4, class_="step-name"),
    )
