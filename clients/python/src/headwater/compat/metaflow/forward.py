"""Modules whose names live elsewhere in the SDK and are loaded on first use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def forward(module: str, homes: dict[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """(__getattr__, __dir__, __all__) of a module. homes: name → module, or module:name where it is called otherwise
    there."""

    def get(name: str) -> Any:
        home = homes.get(name)
        if home is None and _is_submodule(module, name):
            return import_module(f"{module}.{name}")  # `import metaflow` alone makes its submodules known
        if home is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        path, _, other = home.partition(":")
        return getattr(import_module(path), other or name)

    return get, lambda: sorted(homes), [*homes]


def _is_submodule(module: str, name: str) -> bool:
    if name.startswith("_") or "__path__" not in vars(sys.modules.get(module, object)):
        return False
    return find_spec(f"{module}.{name}") is not None
