"""What all decorators have in common: with and without parentheses, unknown arguments, values of configs, a record for
mutators.

A decorator is a function of its arguments that returns what changes the step, or the class; these wrappers do the rest.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

from headwater.errors import FlowError
from headwater.flow.delayed import has_delayed, resolve
from headwater.flow.options import options_of, own_flow_options

F = TypeVar("F", bound=Callable[..., Any])


class UnknownAttribute(FlowError):
    """A decorator was given an argument that it does not have."""

    def __init__(self, name: str, attribute: str, known: tuple[str, ...]) -> None:
        from headwater.flow.lint import suggestion

        super().__init__(
            f"@{name} does not support the attribute {attribute!r}{suggestion(attribute, known) or '.'} "
            f"These attributes are supported: {', '.join(known)}"
        )


def step_decorator(factory: F) -> F:
    """Makes a decorator of steps."""
    name = factory.__name__
    known = _known(factory)

    @functools.wraps(factory)
    def make(*args: Any, **kwargs: Any) -> Any:
        target, given = (args[0], args[1:]) if args and isinstance(args[0], FunctionType) else (None, args)
        if given and not _positional(factory):
            raise FlowError(f"@{name} is put on {given[0]!r}. Fix: put it on a step, above or below @step")
        _check(name, known, kwargs)
        delayed = has_delayed(given) or has_delayed(kwargs)
        apply = None if delayed else factory(*given, **kwargs)

        def decorate(function: Any) -> Any:
            if apply is not None:
                apply(function)
            options = options_of(function)
            options.specs.insert(0, (name, given, kwargs))
            if apply is None:
                options.decorators.insert(0, name)
                options.deferred.insert(0, (factory, given, kwargs))
            return function

        return decorate if target is None else decorate(target)

    return cast("F", make)


def flow_decorator(factory: F) -> F:
    """Makes a decorator of flow classes."""
    name = factory.__name__
    known = _known(factory)

    @functools.wraps(factory)
    def make(*args: Any, **kwargs: Any) -> Any:
        target, given = (args[0], args[1:]) if args and isinstance(args[0], type) else (None, args)
        if given and not _positional(factory):
            raise FlowError(f"@{name} is put on {given[0]!r}. Fix: put it above the class of a flow")
        _check(name, known, kwargs)
        apply = None if has_delayed(given) or has_delayed(kwargs) else factory(*given, **kwargs)

        def decorate(cls: Any) -> Any:
            if apply is not None:
                apply(cls)
                own_flow_options(cls).specs.insert(0, (name, given, kwargs))
                return cls
            from headwater.flow.config import values_of

            return make(*resolve(given, configs := values_of(cls)), **resolve(kwargs, configs))(cls)

        return decorate if target is None else decorate(target)

    return cast("F", make)


def apply_deferred(function: Any, configs: dict[str, Any]) -> None:
    """Applies the decorators of a step that waited for configs."""
    options = options_of(function)
    waiting, options.deferred = options.deferred, []
    for factory, given, kwargs in reversed(waiting):
        name, there = factory.__name__, list(options.decorators)
        plain = (name, resolve(given, configs), resolve(kwargs, configs))
        options.specs = [plain if spec == (name, given, kwargs) else spec for spec in options.specs]
        _check(name, _known(factory), plain[2])
        factory(*plain[1], **plain[2])(function)
        options.decorators = there


def _positional(factory: Callable[..., Any]) -> bool:
    code = cast("FunctionType", factory).__code__
    return bool(code.co_argcount or code.co_flags & 0x04)  # also *any


def _check(name: str, known: tuple[str, ...] | None, kwargs: dict[str, Any]) -> None:
    if known is None:
        return
    for attribute in kwargs:
        if attribute not in known and not attribute.startswith("_unpacked_delayed_"):
            raise UnknownAttribute(name, attribute, known)


def _known(factory: Callable[..., Any]) -> tuple[str, ...] | None:
    """Names of the arguments; None where any will do."""
    code = cast("FunctionType", factory).__code__
    if code.co_flags & 0x08:  # takes **anything
        return None
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return tuple(name for name in names if name not in ("function", "cls"))
