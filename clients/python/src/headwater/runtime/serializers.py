"""Types that know a better form than a pickle: who registers them, and how they are stored as files.

A serializer has `write(value, path)` and `read(path)`. It is registered by register_serializer(), or by an entry point
of the group `headwater.serializers` that is called as the type is: "package.module.Class".
"""

import sys
from pathlib import Path
from typing import Any, Protocol

from headwater.errors import ArtifactError

ENCODING = "plugin"
GROUP = "headwater.serializers"


class Serializer(Protocol):
    def write(self, value: Any, path: Path) -> None:
        """Writes a value to a file that is not there yet."""
        ...

    def read(self, path: Path) -> Any:
        """The value of a file, which must stay as it is."""
        ...


_registered: dict[str, Serializer] = {}
_installed: dict[str, Any] | None = None


def register_serializer(kind: "type | str", serializer: Serializer) -> None:
    """Values of a type (or "package.module.Class") are stored by this serializer from now on, its subclasses' too.

    Where such values are loaded it must be registered as well: do it in the module that defines the flow, or in a
    package that has an entry point. Raises ArtifactError.
    """
    name = kind if isinstance(kind, str) else _name(kind)
    for method in ("write", "read"):
        if not callable(getattr(serializer, method, None)):
            raise ArtifactError(f"the serializer of {name} has no {method}()", hint="see headwater.register_serializer")
    _registered[name] = serializer


def of_value(value: Any) -> tuple[str, Serializer] | None:
    """(name, serializer) for a value; None: it is pickled."""
    if not _registered and not _may_be_installed(type(value)):
        return None
    for cls in type(value).__mro__[:-1]:
        found = _find(_name(cls), _may_be_installed(cls))
        if found is not None:
            return _name(cls), found
    return None


def named(name: str) -> Serializer:
    """Raises ArtifactError."""
    found = _find(name, True)
    if found is None:
        raise ArtifactError(
            f"the value was stored by the serializer of {name}, which this Python does not have",
            hint="install the package that it comes from, or register_serializer() it",
        )
    return found


def _find(name: str, search: bool) -> Serializer | None:
    if name in _registered or not search:
        return _registered.get(name)
    global _installed
    if _installed is None:
        from importlib.metadata import entry_points

        _installed = {point.name: point for point in entry_points(group=GROUP)}
    point = _installed.get(name)
    if point is None:
        return None
    try:
        made = point.load()
        register_serializer(name, made() if isinstance(made, type) else made)
    except Exception as error:
        raise ArtifactError(f"the serializer of {name} ({point.value}) cannot be loaded: {error}") from error
    return _registered[name]


def _may_be_installed(cls: type) -> bool:
    """Looking through all installed packages takes a while: not for what Python or the flow's own files define."""
    root = cls.__module__.partition(".")[0]
    if root in sys.stdlib_module_names or root in ("numpy", "pandas", "headwater"):
        return False
    file = getattr(sys.modules.get(root), "__file__", None) or ""
    return "site-packages" in file or "dist-packages" in file


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
