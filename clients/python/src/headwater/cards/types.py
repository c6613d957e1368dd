"""Types of cards: the base class, and those that Headwater has. A type turns a task into one HTML page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, ClassVar

from headwater.cards import dag, page
from headwater.cards.component import markup, problem
from headwater.cards.components import represent, type_name
from headwater.cards.html import Html, join, tag

MOST_ARTIFACTS = 500


class MetaflowCard:
    """Base class of card types: set `type`, implement render(task), which gives the page as HTML.

    A step uses it by @card(type="the type"), when its class is imported by the flow's file or registered as an entry
    point of the group "headwater.cards", or by @card(type="module:Class").

    options: what @card(options=…) says. components: with ALLOW_USER_COMPONENTS, what the step appended, as markup.
    graph: steps of the flow by name. RUNTIME_UPDATABLE: render_runtime(task, data) makes the page while the task runs.
    """

    RELOAD_POLICY_NEVER = "never"
    RELOAD_POLICY_ALWAYS = "always"
    RELOAD_POLICY_ONCHANGE = "onchange"
    RELOAD_POLICY_TOKEN = "[METAFLOW_RELOAD_TOKEN]"

    type: ClassVar[Any] = None
    ALLOW_USER_COMPONENTS = False
    RUNTIME_UPDATABLE = False
    RELOAD_POLICY = RELOAD_POLICY_NEVER
    scope = "task"
    runtime_data = None

    def __init__(
        self, options: Any = None, components: Any = (), graph: Any = None, flow: Any = None, **more: Any
    ) -> None:
        pass

    def render(self, task: Any) -> str:
        raise NotImplementedError(f"{type(self).__name__} has no render(task)")

    def render_runtime(self, task: Any, data: Any) -> str:
        raise NotImplementedError(f"{type(self).__name__} has no render_runtime(task, data)")

    def refresh(self, task: Any, data: Any) -> Any:
        raise NotImplementedError

    def reload_content_token(self, task: Any, data: Any) -> str:
        return "content-token"


Card = MetaflowCard


class DefaultCard(MetaflowCard):
    """What the step appended, then the task: attempt, parameters, artifacts, and the graph of the flow."""

    type = "default"
    ALLOW_USER_COMPONENTS = True
    RUNTIME_UPDATABLE = True
    RELOAD_POLICY = MetaflowCard.RELOAD_POLICY_ONCHANGE

    def __init__(
        self, options: Any = None, components: Iterable[Any] = (), graph: Any = None, flow: Any = None, **more: Any
    ) -> None:
        self._options = dict(options or {})
        self._components = list(components)
        self._graph: dict[str, Any] = graph or {}

    def render(self, task: Any) -> str:
        facts = facts_of(task)
        title = facts["pathspec"]
        return page.document(
            title,
            tag("h1", title, " ", tag("span", facts["state"], class_=f"state {facts['state']}")),
            *(markup(each) for each in self._components),
            problem(facts["failure"]) if facts.get("failure") else "",
            _section("Task", _pairs(facts["about"])),
            _section("Parameters", _pairs(facts["parameters"])),
            _section("Artifacts", _artifacts(facts["artifacts"], self._options.get("only_repr", True))),
            _section("Graph", self._drawing(facts)),
        )

    def render_runtime(self, task: Any, data: Any) -> str:
        return self.render(task)

    def _drawing(self, facts: dict[str, Any]) -> Html | str:
        return dag.draw(list(self._graph.values()), facts["step"], facts["state"]) if self._graph else ""


class BlankCard(MetaflowCard):
    """Only what the step appended, under an optional title: @card(type="blank", options={"title": "…"})."""

    type = "blank"
    ALLOW_USER_COMPONENTS = True
    RUNTIME_UPDATABLE = True
    RELOAD_POLICY = MetaflowCard.RELOAD_POLICY_ONCHANGE

    def __init__(
        self, options: Any = None, components: Iterable[Any] = (), graph: Any = None, flow: Any = None, **more: Any
    ) -> None:
        self._title = str((options or {}).get("title") or "")
        self._components = list(components)

    def render(self, task: Any) -> str:
        heading = tag("h1", self._title) if self._title else ""
        return page.document(self._title or task.pathspec, heading, *(markup(each) for each in self._components))

    def render_runtime(self, task: Any, data: Any) -> str:
        return self.render(task)


class ErrorCard(MetaflowCard):
    """Why another card could not be rendered."""

    type = "error"

    def __init__(
        self, options: Any = None, components: Any = (), graph: Any = None, flow: Any = None, **more: Any
    ) -> None:
        self._trace = str((options or {}).get("stack_trace") or "None")

    def render(self, task: Any, stack_trace: str | None = None) -> str:
        return page.document(
            task.pathspec, tag("h1", "Error Card"), problem("Card Render Failed With Error", stack_trace or self._trace)
        )


class TaskSpecCard(MetaflowCard):
    """The pathspec of the task."""

    type = "taskspec_card"

    def render(self, task: Any) -> str:
        return page.document(task.pathspec, tag("p", task.pathspec))


class DefaultCardJSON(MetaflowCard):
    """What the default card says, as JSON."""

    type = "default_json"

    def __init__(
        self, options: Any = None, components: Any = (), graph: Any = None, flow: Any = None, **more: Any
    ) -> None:
        self._graph = graph or {}

    def render(self, task: Any) -> str:
        facts = facts_of(task)
        facts["artifacts"] = {name: {"type": type_name(v), "repr": represent(v)} for name, v in facts["artifacts"]}
        return json.dumps({**facts, "graph": list(self._graph.values())}, indent=2, default=represent)


BUILT_IN: tuple[type[MetaflowCard], ...] = (DefaultCard, BlankCard, ErrorCard, TaskSpecCard, DefaultCardJSON)


def facts_of(task: Any) -> dict[str, Any]:
    """What a card says about a task, be it the one that runs here or one of the client."""
    from headwater.cards.task import facts

    return facts(task)


def _section(title: str, content: Any) -> Html | str:
    return tag("section", tag("h2", title), content) if content else ""


def _pairs(values: dict[str, Any]) -> Html | str:
    rows = [
        tag("tr", tag("th", key), tag("td", value if isinstance(value, str) else represent(value)))
        for key, value in values.items()
        if value not in (None, "", [])
    ]
    return tag("table", *rows) if rows else ""


def _artifacts(values: Iterable[tuple[str, Any]], compressed: bool) -> Html | str:
    rows: list[Html] = []
    for count, (name, value) in enumerate(values):
        if count == MOST_ARTIFACTS:
            rows.append(tag("tr", tag("td", "…"), tag("td", "and more"), tag("td")))
            break
        shown = represent(value, compressed)
        rows.append(
            tag("tr", tag("td", name), tag("td", tag("code", shown)), tag("td", type_name(value), class_="dim"))
        )
    if not rows:
        return ""
    head = tag("tr", tag("th", "name"), tag("th", "value"), tag("th", "type"))
    return tag("div", tag("table", head, join(rows)), class_="scroll")
