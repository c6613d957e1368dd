"""`current.card`: what a step appends to its cards, and the pages that leave the task while it runs and at its end.

A card that fails never fails the task: what goes wrong is printed, and with save_errors shown in its place.
"""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from headwater.cards import registry
from headwater.cards.component import MetaflowCardComponent, make_id, markup
from headwater.cards.html import Html
from headwater.cards.task import RunningTask
from headwater.cards.types import ErrorCard

# What one page may have, in characters: it travels to the node agent in one piece.
MOST_HTML = 16 << 20
FINAL = 1_000_000


class CardTimeout(Exception):
    """The card was not rendered in time."""


# Flow class → its steps: derived from the source once, before tasks are forked.
_graphs: dict[type, dict[str, Any]] = {}


def graph_of(cls: type) -> dict[str, Any]:
    """Steps of a flow by name, as scheduler.v1.Step in JSON."""
    if cls not in _graphs:
        from headwater.flow.graph import flow_graph

        try:
            _graphs[cls] = {step["name"]: step for step in flow_graph(cls)["steps"]}
        except Exception:  # no source at hand: a card without its graph
            _graphs[cls] = {}
    return _graphs[cls]


class Spec:
    """What @card asked for, from scheduler.v1.CardSpec in JSON."""

    def __init__(self, slot: int, body: dict[str, Any]) -> None:
        self.slot = str(slot)
        self.id: str = body.get("id", "")
        self.type: str = body.get("type") or "default"
        self.options: dict[str, Any] = body.get("options") or {}
        self.timeout = float(str(body.get("timeout", "45s")).removesuffix("s") or 45)
        self.save_errors = bool(body.get("saveErrors", False))
        self.customize = bool(body.get("customize", False))
        self.refresh_interval = float(body.get("refreshInterval", 0))


class Components:
    """The components of a card in order, and by their ids: card.components["loss"].update(…)."""

    def __init__(self) -> None:
        self._kept: dict[str, MetaflowCardComponent] = {}

    def append(self, component: Any, id: str | None = None) -> None:
        if not isinstance(component, MetaflowCardComponent):
            _warn(f"Component ({component}) is not a valid MetaflowCardComponent. It will not be stored.")
            return
        name = id or component.component_id or make_id(component)
        component.component_id = name
        self._kept[name] = component

    def extend(self, components: Iterable[Any]) -> None:
        for each in components:
            self.append(each)

    def clear(self) -> None:
        self._kept.clear()

    def keys(self) -> list[str]:
        return list(self._kept)

    def values(self) -> list[MetaflowCardComponent]:
        return list(self._kept.values())

    def __getitem__(self, id: str) -> Any:
        if id not in self._kept:
            _warn(f"Component with id {id} doesn't exist. No updates will be made at anytime during runtime.")
            return _Nothing()
        return self._kept[id]

    def __setitem__(self, id: str, component: Any) -> None:
        if id in self._kept:
            raise ValueError(f"Card component overwrite is not supported: {id!r} exists; update() it, or clear() all")
        self.append(component, id)

    def __delitem__(self, id: str) -> None:
        del self._kept[id]

    def __contains__(self, id: object) -> bool:
        return id in self._kept

    def __iter__(self) -> Iterator[MetaflowCardComponent]:
        return iter(list(self._kept.values()))

    def __len__(self) -> int:
        return len(self._kept)


class _Nothing(MetaflowCardComponent):
    def update(self, *args: Any, **kwargs: Any) -> None:
        return


class CardEditor:
    """One card of the task: append, extend, clear, refresh, components."""

    def __init__(self, spec: Spec, owner: Cards | None) -> None:
        self.spec = spec
        self._components = Components()
        self._owner = owner
        self._changed_at = time.time()
        self._refreshed = 0.0
        self.sequence = 0

    def append(self, component: Any, id: str | None = None) -> None:
        """Adds a component; id: the name under which components[id] finds it."""
        self._components.append(component, id)
        self._changed_at = time.time()

    def extend(self, components: Iterable[Any]) -> None:
        for each in components:
            self.append(each)

    def clear(self) -> None:
        self._components.clear()
        self._changed_at = time.time()

    def refresh(self, data: Any = None, force: bool = False) -> None:
        """Shows the card as it is now; at most every refresh_interval seconds, else the call does nothing."""
        now = time.monotonic()
        if self._owner is None or (
            now - self._refreshed < self.spec.refresh_interval and self._refreshed and not force
        ):
            return
        self._refreshed = now
        self.sequence += 1
        try:
            self._owner.send(self, self._owner.page(self, data, final=False), final=False)
        except BaseException as error:
            if not isinstance(error, Exception):
                raise
            _warn(f"card {self.name} cannot be refreshed: {_short(error)}")

    @property
    def name(self) -> str:
        return self.spec.id or self.spec.type

    @property
    def components(self) -> Components:
        return self._components

    @components.setter
    def components(self, given: Iterable[Any]) -> None:
        self.clear()
        self.extend(given)

    def data(self, user: Any, mode: str) -> dict[str, Any]:
        """What a type's render_runtime gets."""
        parts = {each.component_id: markup(each) for each in self._components if each.REALTIME_UPDATABLE}
        return {"user": user or {}, "components": parts, "render_seq": self.sequence,
                "component_update_ts": self._changed_at, "mode": mode}  # fmt: skip

    def __iter__(self) -> Iterator[MetaflowCardComponent]:
        return iter(self._components)


class Cards:
    """`current.card`: the card that the step fills when it has several, and `current.card["id"]` for each of them."""

    def __init__(self, specs: Iterable[dict[str, Any]], task: Any, flow: Any, channel: Any) -> None:
        self._task, self._flow, self._channel = task, flow, channel
        self._started = time.time()
        self._failure: dict[str, Any] | None = None
        self._final = False
        self._editors = [CardEditor(Spec(slot, body), self) for slot, body in enumerate(specs)]
        self._default = self._choose()

    def append(self, component: Any, id: str | None = None) -> None:
        self._editor("append").append(component, id)

    def extend(self, components: Iterable[Any]) -> None:
        self._editor("extend").extend(components)

    def clear(self) -> None:
        self._editor("clear").clear()

    def refresh(self, data: Any = None, force: bool = False) -> None:
        self._editor("refresh").refresh(data, force)

    @property
    def components(self) -> Components:
        return self._editor("components").components

    @components.setter
    def components(self, given: Iterable[Any]) -> None:
        self._editor("components").components = given

    def get(self, type: str | None = None) -> list[CardEditor]:
        """The cards of a type."""
        return [each for each in self._editors if each.spec.type == type]

    def __getitem__(self, id: str) -> CardEditor:
        for each in self._editors:
            if each.spec.id and each.spec.id == id:
                return each
        _warn(f"`current.card['{id}']` is not present. Please set the `id` argument in @card to '{id}'.")
        return CardEditor(Spec(0, {}), None)

    def __setitem__(self, id: str, components: Iterable[Any]) -> None:
        self[id].components = components

    def __contains__(self, id: object) -> bool:
        return any(each.spec.id == id for each in self._editors if each.spec.id)

    def __iter__(self) -> Iterator[CardEditor]:
        return iter(self._editors)

    def finish(self, failure: dict[str, Any] | None) -> None:
        """Renders and sends the last page of every card. Never raises what a card raises."""
        self._failure, self._final = failure, True
        for editor in self._editors:
            editor.sequence = FINAL
            try:
                page = self.page(editor, None, final=True)
            except Exception as error:
                trace = traceback.format_exc()
                _warn(f"card {editor.name} cannot be rendered: {_short(error)}")
                if not editor.spec.save_errors:
                    continue
                page = ErrorCard().render(self._seen(), trace)
            self.send(editor, page, final=True)

    def page(self, editor: CardEditor, data: Any, *, final: bool) -> str:
        """The HTML of a card as it is now. Raises what its type raises, or CardTimeout."""
        with _limit(editor.spec.timeout):
            cls = registry.card_class(editor.spec.type)
            if not final and not cls.RUNTIME_UPDATABLE:
                return ""
            parts: list[Html] = [markup(each) for each in editor.components] if cls.ALLOW_USER_COMPONENTS else []
            card = registry.make(cls, editor.spec.options, parts, graph_of(type(self._flow)), self._flow)
            task = self._seen()
            page = card.render(task) if final else card.render_runtime(task, editor.data(data, "render_runtime"))
        if not isinstance(page, str):
            raise TypeError(f"{cls.__name__}.render gave {type(page).__name__}, not HTML as text")
        return page

    def send(self, editor: CardEditor, page: str, *, final: bool) -> None:
        if not page:
            return
        if len(page) > MOST_HTML:
            size = f"{len(page) / (1 << 20):.0f} MiB, and {MOST_HTML >> 20} MiB is the limit"
            _warn(f"card {editor.name} is too large: {size}")
            page = ErrorCard().render(self._seen(), f"The card would have {size}. Use smaller images or tables.")
        spec = editor.spec
        self._channel.send({"op": "card", "slot": spec.slot, "id": spec.id, "type": spec.type,
                            "sequence": editor.sequence, "final": final, "html": page})  # fmt: skip

    def _seen(self) -> RunningTask:
        seen = RunningTask(self._task, self._flow, self._failure, self._started)
        seen.successful = self._final and self._failure is None
        return seen

    def _choose(self) -> CardEditor | None:
        """The card without an id, else the only one; `customize` says it outright."""
        wanted = [each for each in self._editors if _editable(each.spec.type)]
        chosen = [each for each in wanted if each.spec.customize]
        nameless = [each for each in wanted if not each.spec.id]
        for candidates in (chosen, wanted, nameless):
            if len(candidates) == 1:
                return candidates[0]
        return None

    def _editor(self, method: str) -> CardEditor:
        if self._default is None:
            _warn(
                f"`current.card.{method}` cannot tell which @card is meant. Give all but one an `id`, or use "
                "`current.card['id']`."
            )
            return CardEditor(Spec(0, {}), None)
        return self._default


def _editable(kind: str) -> bool:
    try:
        return registry.card_class(kind).ALLOW_USER_COMPONENTS
    except Exception:
        return False


def _warn(text: str) -> None:
    print(f"[@card WARNING] {text}", file=sys.stderr)


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Raises CardTimeout after so long; a @timeout of the step that runs on is kept. Only in the main thread."""
    left, since = signal.getitimer(signal.ITIMER_REAL)[0], time.monotonic()

    def expire(signum: int, frame: Any) -> None:
        raise CardTimeout(f"it took longer than {seconds:g} s")

    if seconds <= 0 or (left and left <= seconds):  # the step's own end comes first
        yield
        return
    try:
        previous = signal.signal(signal.SIGALRM, expire)
    except ValueError:
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - since), 0.001))
