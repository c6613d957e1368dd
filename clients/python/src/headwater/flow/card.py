"""@card: asks for a page about each task of a step. It travels in the graph; headwater.cards makes the page."""

from __future__ import annotations

import json
import re
from types import FunctionType
from typing import Any

from headwater.errors import FlowError
from headwater.flow.declare import step_decorator
from headwater.flow.options import options_of

_ID = re.compile(r"^[a-zA-Z0-9_]+$")
_TYPE = re.compile(r"^[a-zA-Z0-9_.:-]+$")


@step_decorator
def card(
    *,
    type: str = "default",
    id: str | None = None,
    options: dict[str, Any] | None = None,
    timeout: float = 45,
    save_errors: bool = True,
    customize: bool = False,
    refresh_interval: float = 5,
) -> Any:
    """A page about the task, which `current.card` adds to; a step may have several.

    type: default, blank, default_json, taskspec, a card class that the flow imports, or "module:Class". id: its name in
    current.card["…"]. options: JSON for the type. timeout: seconds to render it. save_errors: a card that cannot be
    rendered shows why. customize: the one that current.card means. refresh_interval: least seconds between refreshes.
    """
    body = {
        "id": _id(id),
        "type": _type(type),
        "options": _options(options),
        "timeout": f"{_seconds('timeout', timeout):g}s",
        "saveErrors": bool(save_errors),
        "customize": bool(customize),
        "refreshInterval": _seconds("refresh_interval", refresh_interval),
    }
    spec = {name: value for name, value in body.items() if value}

    def record(function: Any) -> Any:
        found = options_of(step_function("card", function))
        found.cards.insert(0, spec)
        found.decorators.insert(0, "card")
        return function

    return record


def step_function(name: str, target: Any) -> Any:
    """The target of a decorator of steps. Raises FlowError when it is none."""
    if not isinstance(target, FunctionType):
        raise FlowError(f"@{name} is put on {target!r}. Fix: put it on a step, above or below @step")
    return target


def _id(given: Any) -> str:
    if given is None:
        return ""
    if not isinstance(given, str) or not _ID.match(given):
        raise FlowError(f"@card: id={given!r} may have letters, digits and _ only")
    return given


def _type(given: Any) -> str:
    if not isinstance(given, str) or not _TYPE.match(given):
        raise FlowError(f'@card: type={given!r} is not the name of a type of cards, nor "module:Class"')
    return given


def _options(given: Any) -> dict[str, Any]:
    if given is not None and not isinstance(given, dict):
        raise FlowError(f"@card: options={given!r} is not a dict")
    try:
        return json.loads(json.dumps(given or {}))
    except (TypeError, ValueError) as error:
        raise FlowError(f"@card: options must be JSON: {error}") from None


def _seconds(name: str, given: Any) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= 86400:
        raise FlowError(f"@card: {name}={given!r} is not a number of seconds from 0 to 86400")
    return float(given)
