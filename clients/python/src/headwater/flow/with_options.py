"""`--with retry:times=4`: adds decorators to all steps that do not have them, for one command line.

Only decorators whose effect travels in the graph can be added so; others must stand in the source.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from headwater.errors import FlowError
from headwater.flow import decorators
from headwater.flow.options import step_options
from headwater.flow.spec import step_function, step_names

_KNOWN: dict[str, Callable[..., Any]] = {
    "retry": decorators.retry,
    "catch": decorators.catch,
    "timeout": decorators.timeout,
    "resources": decorators.resources,
    "pool": decorators.pool,
}


def apply_with(cls: type, specs: list[str]) -> None:
    """Adds each NAME or NAME:key=value,key=value to every step of the class that lacks it. Raises FlowError."""
    for spec in specs:
        name, _, rest = spec.partition(":")
        decorator = _decorator(name.strip(), rest)
        for each in step_names(cls):
            function = step_function(cls, each)
            options = step_options(function)
            if options is not None and name.strip() not in options.decorators:
                decorator(function)


def _decorator(name: str, rest: str) -> Callable[..., Any]:
    factory = _KNOWN.get(name)
    if factory is None:
        raise FlowError(f"--with {name}: unknown decorator. Fix: use one of {', '.join(sorted(_KNOWN))}")
    attributes: dict[str, Any] = {}
    for pair in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = pair.partition("=")
        if not equals:
            raise FlowError(
                f"--with {name}:{rest}: {pair!r} has no value. Fix: write --with {name}:key=value,key=value"
            )
        attributes[key.strip()] = _value(value.strip())
    try:
        return factory(**attributes)
    except TypeError as error:
        raise FlowError(f"--with {name}:{rest}: {str(error).split('() ', 1)[-1]}") from None


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
