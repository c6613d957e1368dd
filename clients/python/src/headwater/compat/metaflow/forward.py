"""Modules whose names live elsewhere in the SDK and are loaded on first use."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any


def forward(module: str, homes: dict[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """(__getattr__, __dir__, __all__) of a module. homes: name → module, or module:name where it is called otherwise
    there."""

    def get(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        path, _, other = home.partition(":")
        return getattr(import_module(path), other or name)

    return get, lambda: sorted(homes), [*homes]
