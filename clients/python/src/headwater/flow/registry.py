"""All decorators by name, for `--with` and for mutators; and what each of them sets.

The one place to add a decorator to. Names of a user's own decorators are found too, short or with their module.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from headwater.errors import FlowError

_STEP_HOMES = {
    "headwater.flow.decorators": (
        "retry", "catch", "timeout", "resources", "environment", "secrets", "pool",
    ),
    "headwater.flow.compute": ("kubernetes", "batch"),
    "headwater.flow.scheduling": ("parallel", "concurrency", "isolation", "no_cache"),
    "headwater.flow.card": ("card",),
    "headwater.flow.packages": ("pypi", "conda"),
}  # fmt: skip
_FLOW_HOMES = {
    "headwater.flow.triggers": ("trigger", "trigger_on_finish", "trigger_on_promotion", "schedule"),
    "headwater.flow.projects": ("project",),
    "headwater.flow.exit_hooks": ("exit_hook",),
    "headwater.flow.packages": ("pypi_base", "conda_base"),
}
STEP = {name: home for home, names in _STEP_HOMES.items() for name in names}
FLOW = {name: home for home, names in _FLOW_HOMES.items() for name in names}

# Options that a decorator sets, to be taken back when a mutator removes it.
FIELDS: dict[str, tuple[str, ...]] = {
    "retry": ("retry",),
    "catch": ("catch",),
    "timeout": ("timeout_seconds",),
    "resources": ("resources",),
    "environment": ("environment",),
    "secrets": ("secrets",),
    "pool": ("pool",),
    "parallel": (),
    "isolation": ("isolation",),
    "concurrency": ("concurrency",),
    "no_cache": ("no_cache",),
    "kubernetes": ("resources", "pool", "ignored"),
    "batch": ("resources", "pool", "ignored"),
    "project": ("project", "branch", "production"),
    "exit_hook": ("on_success", "on_error"),
    "card": ("cards",),
    "pypi": ("packages",),
    "conda": ("packages",),
    "pypi_base": ("packages",),
    "conda_base": ("packages",),
}
# Decorators that are all in the graph: a task that does not know of them misses nothing.
IN_GRAPH = frozenset(
    (
        "parallel",
        "isolation",
        "concurrency",
        "no_cache",
        "retry",
        "timeout",
        "resources",
        "pool",
        "kubernetes",
        "batch",
        "card",
        "pypi",
        "conda",
    )
)


def find(name: str, kind: str = "step") -> Callable[..., Any]:
    """The decorator of a name. Raises FlowError with a suggestion."""
    homes = STEP if kind == "step" else FLOW
    if name in homes:
        return getattr(import_module(homes[name]), name)
    if found := _users(name, kind):
        return found
    from headwater.flow.lint import suggestion

    raise FlowError(
        f"unknown decorator {name!r}{suggestion(name, homes)}", hint=f"use one of {', '.join(sorted(homes))}"
    )


def full_name(name: str) -> str:
    return f"{(STEP | FLOW).get(name, '')}.{name}".lstrip(".")


def _users(name: str, kind: str) -> Any:
    if kind == "flow":
        from headwater.flow.mutators import FLOW_MUTATORS

        return FLOW_MUTATORS.get(name)
    from headwater.flow.user_steps import REGISTERED

    if name not in REGISTERED and "." in name:
        module, _, attribute = name.rpartition(".")
        try:
            return getattr(import_module(module), attribute)
        except (ImportError, AttributeError):
            return None
    return REGISTERED.get(name)


def parse(text: str) -> tuple[str, dict[str, Any]]:
    """ "retry:times=2,minutes_between_retries=0" as a name and arguments. Raises FlowError."""
    name, _, rest = text.partition(":")
    attributes: dict[str, Any] = {}
    for pair in filter(None, (part.strip() for part in re.split(r",(?=\s*\w+\s*=)", rest))):
        key, equals, value = pair.partition("=")
        if not equals:
            raise FlowError(f"{text}: {pair!r} has no value", hint=f"write {name}:key=value,key=value")
        attributes[key.strip()] = _value(value.strip())
    return name.strip(), attributes


def _value(text: str) -> Any:
    for read in (json.loads, ast.literal_eval):
        try:
            return cast("Callable[[str], Any]", read)(text.replace('\\"', '"'))
        except (ValueError, SyntaxError):
            continue
    return text
