"""config_expr("config.cpu"): a value of a config that is looked up once the flow class and its configs are there.

Decorators keep such values until then; resolve() turns them into plain ones.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, cast

from headwater.errors import FlowError

_UNPACKED = "_unpacked_delayed_"


class Delayed:
    """An expression over configs; attributes and items of it are expressions too, and `**` unpacks one later."""

    def __init__(self, expression: str, names: dict[str, Any] | None = None) -> None:
        self._expression = expression
        self._names = names if names is not None else {}

    def __getattr__(self, name: str) -> Delayed:
        if name.startswith("__"):
            raise AttributeError(name)
        return Delayed(f"({self._expression}).{name}", self._names)

    def __getitem__(self, key: Any) -> Delayed:
        if isinstance(key, str) and key.startswith(_UNPACKED):
            return self
        if isinstance(key, Delayed):
            return Delayed(f"({self._expression})[{key._expression}]", {**key._names, **self._names})
        return Delayed(f"({self._expression})[{key!r}]", self._names)

    def __iter__(self) -> Iterator[Any]:
        raise FlowError(f"config expression {self._expression!r} has no value yet; iterate over it inside a step")

    def keys(self) -> list[str]:
        return [f"{_UNPACKED}{id(self)}"]

    def __call__(self, context: Any = None, deploy_time: bool = False) -> Any:
        """Its value from all configs of this process: what a Parameter with such a default calls."""
        from headwater.flow.config import known_values

        return self.value(known_values())

    def value(self, configs: dict[str, Any]) -> Any:
        """Its value. Raises FlowError with the reason."""
        try:
            return eval(self._expression, dict(self._names), configs)
        except Exception as error:
            known = ", ".join(sorted(configs)) or "none"
            raise FlowError(
                f"config expression {self._expression!r} could not be evaluated: {type(error).__name__}: {error}",
                hint=f"the configs of the flow are: {known}",
            ) from error

    def __repr__(self) -> str:
        return f"config_expr({self._expression!r})"


def config_expr(expr: str) -> Delayed:
    """An expression over the configs of a flow, for places where they are not at hand: in a decorator of the class.

    @project(name=config_expr("config").project.name)
    """
    return Delayed(expr, sys._getframe(1).f_globals)


def has_delayed(value: Any) -> bool:
    if isinstance(value, Delayed):
        return True
    if isinstance(value, Mapping):
        return any(has_delayed(each) for each in cast("Mapping[Any, Any]", value).values())
    return isinstance(value, (list, tuple)) and any(has_delayed(each) for each in cast("list[Any]", value))


def resolve(value: Any, configs: dict[str, Any]) -> Any:
    """The value with every expression in it replaced."""
    if isinstance(value, Delayed):
        return value.value(configs)
    if isinstance(value, (list, tuple)):
        return type(value)(resolve(each, configs) for each in cast("list[Any]", value))
    if isinstance(value, dict):
        made: dict[Any, Any] = {}
        for key, each in cast("dict[Any, Any]", value).items():
            if isinstance(key, str) and key.startswith(_UNPACKED):
                made.update(resolve(each, configs) or {})
            else:
                made[key] = resolve(each, configs)
        return made
    return value
