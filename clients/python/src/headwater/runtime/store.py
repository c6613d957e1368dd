"""Artifacts that a step inherits, loaded when they are first used, and the inputs of a join.

Keeps the manifest entries beside the values, so that what a step did not change is passed on without being rewritten.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.runtime import codec, groups, manifest
from headwater.runtime.manifest import Entry, Manifest
from headwater.runtime.task import Frame, Result

if TYPE_CHECKING:
    from headwater.runtime.reads import Reads

GetBlob = Callable[[str], Path]
_IMMUTABLE = (str, int, float, bool, bytes, complex, type(None))


class InputStore:
    """Values of one task's manifest by name: the `_store` of a flow instance."""

    def __init__(self, data: bytes, get_blob: GetBlob, files: Path, reads: "Reads | None" = None) -> None:
        """reads: what is told of each artifact that is looked at."""
        self._data = data
        self._reads = reads
        self._get_blob = get_blob
        self._files = files
        self._parsed: Manifest | None = None
        self._loaded: dict[str, Any] = {}
        self._adopted: dict[str, Entry] = {}

    @property
    def manifest(self) -> Manifest:
        if self._parsed is None:
            self._parsed = manifest.parse(self._data, self._get_blob)
        return self._parsed

    def names(self) -> Iterable[str]:
        return [*self.manifest.artifacts, *(name for name in self._adopted if name not in self.manifest.artifacts)]

    def load(self, name: str) -> Any:
        """The value of an artifact. Raises KeyError when there is none of that name."""
        try:
            entry = self.entry(name)
        except KeyError:
            if self._reads is not None:
                self._reads.artifact(name, None)
            raise
        if self._reads is not None:
            self._reads.artifact(name, entry)
        value = self.value(entry)
        self._loaded[name] = value
        return value

    def entry(self, name: str) -> Entry:
        """Where an artifact lies; entries of equal bytes have equal "digest". Raises KeyError."""
        return self._adopted[name] if name in self._adopted else self.manifest.artifacts[name]

    def digest(self, name: str) -> str:
        """sha256 of the stored bytes of an artifact: equal digests, equal values. Raises KeyError."""
        return self.entry(name)["digest"]

    def adopt(self, name: str, other: "InputStore") -> None:
        """Takes an artifact of another task over, without reading it."""
        self._adopted[name] = other.entry(name)

    def value(self, entry: Entry) -> Any:
        match entry["encoding"]:
            case "file":
                return self._file(entry)
            case "folder":
                return self._folder(entry)
            case "plugin":
                from headwater.runtime import serializers

                return serializers.named(entry["serializer"]).read(self._get_blob(entry["digest"]))
        return codec.decode(entry["encoding"], manifest.read(entry, self._get_blob))

    def item(self, entry: Entry, index: int) -> Any:
        """One item of a list, of a long one without reading the others."""
        if (grouped := entry.get("groups")) is not None:
            return groups.read(self._get_blob(grouped), index)
        return self.value(entry)[index]

    def unchanged(self, name: str, value: Any) -> Entry | None:
        """The entry of a value that is certainly what was loaded; None when only its bytes can tell."""
        if isinstance(value, Path):  # a file of the cache may be given another name, but never be pickled as a path
            return next((self.entry(other) for other, loaded in self._loaded.items() if loaded is value), None)
        if isinstance(value, _IMMUTABLE) and name in self._loaded and self._loaded[name] is value:
            return self.entry(name)
        return None

    def _file(self, entry: Entry) -> Path:
        """The file under the name it was made with: readers look at the extension."""
        target = (
            self._files / entry["digest"][:12] / os.path.basename(entry.get("name", "")) if entry.get("name") else None
        )
        source = self._get_blob(entry["digest"])
        if target is None:
            return source
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            target.symlink_to(source)
        return target

    def _folder(self, entry: Entry) -> Path:
        """A read-only copy of the folder, made once."""
        from headwater.runtime import folders

        target = self._files / entry["digest"][:12] / (os.path.basename(entry.get("name", "")) or "folder")
        if not target.is_dir():
            try:
                folders.unpack(self._get_blob(entry["digest"]), target)
            except OSError:
                if not target.is_dir():  # else another reader was first
                    raise
        return target


class JoinInputs:
    """What a join gets: the joined tasks in order, by index, or by name of their step. Made when they are asked for."""

    def __init__(self, width: int, fetch: Callable[[int], list[Result]], build: Callable[[Result, int], Any]) -> None:
        self._width = width
        self._fetch = fetch
        self._build = build
        self._results: list[Result] = []
        self._built: dict[int, Any] = {}

    def manifests(self) -> list[Manifest]:
        """Of all joined tasks."""
        return [self[position]._store.manifest for position in range(self._width)]

    def __len__(self) -> int:
        return self._width

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(self._width))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._width))]
        if not isinstance(index, int):
            raise TypeError(f"inputs[{index!r}]: an index is a whole number; of branches use inputs.<step>")
        position = index + self._width if index < 0 else index
        if not 0 <= position < self._width:
            raise IndexError(f"inputs[{index}]: this join has {self._width} inputs")
        if position not in self._built:
            self._built[position] = self._build(self._result(position), position)
        return self._built[position]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        for position in range(self._width):
            if self._result(position).key.step == name:
                return self[position]
        steps = sorted({self._result(position).key.step for position in range(self._width)})
        raise AttributeError(f"inputs.{name}: no such branch; this join has {', '.join(steps) or 'no inputs'}")

    def _result(self, position: int) -> Result:
        while len(self._results) <= position:
            page = self._fetch(len(self._results))
            if not page:
                raise IndexError(
                    f"inputs[{position}]: the scheduler knows {len(self._results)} results of {self._width}"
                )
            self._results += page
        return self._results[position]


def child_frames(frames: tuple[Frame, ...], joins: str, var: str, index: int, width: int) -> tuple[Frame, ...]:
    """Foreach frames of the inputs of a join that closes a foreach."""
    return (*frames, (joins, var, index, width))
