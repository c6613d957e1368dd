"""IncludeFile: a file of the user's machine as a read-only artifact of the run.

Its content goes along in the code package; the value that travels as the parameter is the path it came from. A file of
a dataset, dataset://NAME/VERSION/PATH or datum://ID, stays where it is: the steps that look fetch it.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from typing import Any

from headwater.flow.choices import INCLUDED, chosen
from headwater.flow.parameters import Parameter, ParameterError

MOST_BYTES = 64 << 20


class IncludeFile(Parameter):
    """A file given as `python flow.py run --name PATH`; steps see its content, text or, with is_text=False, bytes.
    PATH may be dataset://NAME/VERSION/PATH or datum://ID, a file as it is when the run starts.

    default: a path, or a function of the context that makes one. parser: a function of the content, or its name (see
    Config); steps then see what it returns.

        class Train(FlowSpec):
            labels = IncludeFile("labels", default="labels.csv")
    """

    in_package = True

    def __init__(
        self,
        name: str,
        required: bool | None = None,
        is_text: bool | None = None,
        encoding: str | None = None,
        help: str | None = None,
        parser: Any = None,
        default: Any = None,
        show_default: bool | None = None,
        **unknown: Any,
    ) -> None:
        self._is_text = is_text is None or is_text
        self._encoding = encoding or "utf-8"
        self._parser = parser
        super().__init__(name, default, str, help, required, show_default, **unknown)

    @property
    def type_name(self) -> str:
        return "file"

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        value = super().__get__(instance, owner)
        if instance is not None and isinstance(value, _Reference):
            from headwater.artifacts import get

            value = _Path(get(str(value)))
        if instance is not None and isinstance(value, _Path):
            value = instance._parameters[self.name] = self._content(value)
        return value

    def to_wire(self, value: Any) -> Any:
        """The path. Raises ParameterError when there is no such file, or it is too large."""
        if value is None or is_data(value):
            return value
        try:
            with open(value, "rb") as file:
                size = os.fstat(file.fileno()).st_size
        except OSError as error:
            raise ParameterError(f"parameter {self.name!r}: cannot read the file {value!r}: {error.strerror}") from None
        if size > MOST_BYTES:
            raise ParameterError(
                f"parameter {self.name!r}: {value!r} has {size:,} bytes, and {MOST_BYTES:,} is the limit",
                hint="store large data as an artifact, or pass where it is",
            )
        return os.fspath(value)

    def from_run(self, values: dict[str, Any]) -> Any:
        member, given = chosen.files.get(self.name), values.get(self.name)
        if is_data(given):
            return _Reference(given)
        return _Path(f"{chosen.root}/{member}") if member else None

    def _default(self, value: Any) -> Any:
        return value

    def _content(self, path: str) -> Any:
        with open(path, "rb") as file:
            raw = file.read()
        try:
            content = raw.decode(self._encoding) if self._is_text else raw
        except UnicodeDecodeError as error:
            raise ParameterError(
                f"parameter {self.name!r}: the file is not text in {self._encoding}: {error.reason}",
                hint="give the right encoding=, or is_text=False",
            ) from None
        if self._parser is None:
            return content
        from headwater.flow.config import load_parser

        try:
            return load_parser(self._parser)(content)  # pyright: ignore[reportArgumentType]
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            raise ParameterError(f"Failed to parse content in parameter '{self.name}' using parser: {why}") from error


def is_data(value: object) -> bool:
    """Does a value name data of the platform?"""
    return isinstance(value, str) and value.startswith(("dataset://", "datum://"))


class _Reference(str):
    """The name of a file, until a step looks into it."""


class _Path(str):
    """Where a file is, until a step looks into it."""


def files_of(
    cls: type, values: dict[str, Any], origin: dict[str, Any] | None = None, given: Collection[str] = ()
) -> dict[str, tuple[str, str]]:
    """Parameter → (member of the package, path) of the files to include, but for the given ones as the origin had them
    where a run is resumed; notes the members in `chosen`."""
    from headwater.flow.parameters import parameters_of

    found: dict[str, tuple[str, str]] = {}
    for parameter in parameters_of(cls).values():
        path = values.get(parameter.name)
        if parameter.in_package and path and not is_data(path):
            found[parameter.name] = (f"{INCLUDED}/{parameter.name}", path)
    if origin is not None and found:
        kept = {name: file for name, file in found.items() if name not in given}
        found |= {name: (member, path) for name, member, path in _of_origin(kept, origin)} if kept else {}
    chosen.files = {name: member for name, (member, _) in found.items()}
    return found


def _of_origin(found: dict[str, tuple[str, str]], origin: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    import tarfile
    import tempfile

    from headwater.artifacts import blobs

    folder = tempfile.mkdtemp(prefix="headwater-included-")
    with tarfile.open(blobs.get(origin["code"]["package"])) as package:
        names = set(package.getnames())
        for name, (member, path) in found.items():
            content = package.extractfile(member) if member in names else None
            if content is not None:
                path = f"{folder}/{name}"
                with open(path, "wb") as file:
                    file.write(content.read())
            yield name, member, path
