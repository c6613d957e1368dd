"""Cards: pages about what a task did, made of components, shown by the command line, the web UI and in notebooks.

Everything here is loaded on first use. A step gets a card by `@card`, fills it through `current.card`, and `get_cards`
reads it afterwards.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headwater.cards.charts import VegaChart as VegaChart
    from headwater.cards.component import MetaflowCardComponent as MetaflowCardComponent
    from headwater.cards.component import UserComponent as UserComponent
    from headwater.cards.components import Artifact as Artifact
    from headwater.cards.components import Error as Error
    from headwater.cards.components import Markdown as Markdown
    from headwater.cards.components import PageComponent as PageComponent
    from headwater.cards.components import ProgressBar as ProgressBar
    from headwater.cards.components import PythonCode as PythonCode
    from headwater.cards.components import Table as Table
    from headwater.cards.html import Html as Html
    from headwater.cards.images import Image as Image
    from headwater.cards.read import CardNotPresentException as CardNotPresentException
    from headwater.cards.read import get_cards as get_cards
    from headwater.cards.timeline import EventsTimeline as EventsTimeline
    from headwater.cards.types import BlankCard as BlankCard
    from headwater.cards.types import Card as Card
    from headwater.cards.types import DefaultCard as DefaultCard
    from headwater.cards.types import DefaultCardJSON as DefaultCardJSON
    from headwater.cards.types import ErrorCard as ErrorCard
    from headwater.cards.types import MetaflowCard as MetaflowCard
    from headwater.cards.types import TaskSpecCard as TaskSpecCard
    from headwater.cards.value_box import ValueBox as ValueBox
    from headwater.cards.viewers import JSONViewer as JSONViewer
    from headwater.cards.viewers import YAMLViewer as YAMLViewer

_HOMES = {
    "headwater.cards.component": ("MetaflowCardComponent", "UserComponent"),
    "headwater.cards.components": (
        "Artifact", "Table", "Error", "Markdown", "ProgressBar", "PythonCode", "PageComponent",
    ),
    "headwater.cards.charts": ("VegaChart",),
    "headwater.cards.html": ("Html",),
    "headwater.cards.images": ("Image",),
    "headwater.cards.timeline": ("EventsTimeline",),
    "headwater.cards.value_box": ("ValueBox",),
    "headwater.cards.viewers": ("JSONViewer", "YAMLViewer"),
    "headwater.cards.types": (
        "MetaflowCard", "Card", "DefaultCard", "BlankCard", "ErrorCard", "DefaultCardJSON", "TaskSpecCard",
    ),
    "headwater.cards.read": ("get_cards", "CardNotPresentException"),
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [*_HOME_OF]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    module = _HOME_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'headwater.cards' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
