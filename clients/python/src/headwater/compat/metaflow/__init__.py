"""Files that say `from metaflow import …` run on Headwater: the name `metaflow` stands for names/ in this process.

`headwater run flow.py run` and `python -m headwater.compat.metaflow flow.py run` do it for one file; a notebook calls
install() before its imports. The package that is really called metaflow stays as it is.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from typing import Any

_NAME = "metaflow"


class _Finder:
    """Finds the top of the package; everything below is found by Python itself, through its __path__."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != _NAME:
            return None
        folder = f"{__file__.rpartition('__init__')[0]}names"
        return spec_from_file_location(name, f"{folder}/__init__.py", submodule_search_locations=[folder])


def install() -> None:
    """Gives the name `metaflow` to Headwater in this process. Raises ImportError when the other one is loaded."""
    from headwater.flow.choices import chosen

    chosen.metaflow = True
    if _Finder in sys.meta_path:
        return
    if "METAFLOW_PROFILE" in os.environ:
        from headwater.compat.metaflow.profiles import apply_profile

        apply_profile()
    loaded = sys.modules.get(_NAME)
    if loaded is not None and not (getattr(loaded, "__file__", None) or "").startswith(__file__.rpartition("/")[0]):
        raise ImportError("metaflow is imported already; call headwater.compat.metaflow.install() before that")
    sys.meta_path.insert(0, _Finder)  # pyright: ignore[reportArgumentType]
