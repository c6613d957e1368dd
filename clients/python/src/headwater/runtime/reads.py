"""What a task has read: parameters, artifacts that it inherited, the item of its foreach. Kept with its result, so that
a later run can tell whether the task would come out the same. docs/formats.md is the reference.

Seen where it happens, whatever way the code takes there. After a fork it cannot be seen any more: then all counts as
read. Decides nothing.
"""

import base64
import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

from headwater.runtime import codec, digests
from headwater.runtime.manifest import Entry, Manifest

# Of longer lists, or larger ones, the items are not told apart.
MOST_ITEMS = 200
MOST_BYTES = 256 * 1024
# The inputs of a wider join are not compared.
WIDEST_JOIN = 256


class Reads:
    """The reads of one task while it runs."""

    def __init__(self) -> None:
        self.parameters: set[str] = set()
        # Name → identity of the value, "" where there was none of that name.
        self.artifacts: dict[str, str] = {}
        # Name → digest of the value, of what the manifest may not tell in the end: the task may overwrite it.
        self.digests: dict[str, str] = {}
        self.item: dict[str, str] = {}
        # Has code run where we do not see it?
        self.everything = False
        # Was `current` asked something that another run answers otherwise?
        self.asks = False
        # Versions of datasets, and single files, by URI.
        self.data: dict[str, dict[str, str]] = {}

    def ask(self) -> None:
        self.asks = True

    def dataset(self, entry: dict[str, str]) -> None:
        """A version of a dataset, or a file: {"uri", "digest"}, and with "asked" the name that may be another one's by
        now: what was made of that is not made of it again elsewhere."""
        self.data.setdefault(entry["uri"], entry)
        if "asked" in entry:
            self.asks = True

    def artifact(self, name: str, entry: Entry | None) -> None:
        if name not in self.artifacts:
            self.artifacts[name] = identity(entry) if entry is not None else ""
            self.digests[name] = entry.get("digest", "") if entry is not None else ""

    def foreach(self, entry: Entry, item: Any) -> None:
        """The task has asked for its item of a list."""
        if not self.item:
            self.item = {"list": identity(entry)}
            if told_apart(entry):
                self.item["item"] = of_value(item)

    def whole_list(self, entry: Entry) -> None:
        self.item = {"list": identity(entry)}

    def to_json(self, inputs: list[Manifest] | None, new: Iterable[str] = ()) -> dict[str, Any] | None:
        """inputs: all manifests that the task could read; None: they are not at hand, and nothing can be told.
        new: what the task has assigned."""
        body: dict[str, Any] = {"parameters": sorted(self.parameters), "artifacts": self.artifacts}
        if inputs is None:
            return None
        if self.everything or len(inputs) != 1:
            body = {"parameters": sorted(self.parameters), "all": state(inputs)}
        if self.everything:
            body["parameters"] = ["*"]
        changed = {name: self.digests[name] for name in new if self.digests.get(name)}
        body.update({"digests": changed} if changed and "artifacts" in body else {})
        body.update({"item": self.item} if self.item else {})
        body.update({"asks": True} if self.asks else {})
        body.update({"env": environment} if environment else {})
        return body


class Watched(dict[str, Any]):
    """The parameters of a task, with a note of those that are looked at."""

    def __init__(self, values: dict[str, Any], reads: Reads) -> None:
        super().__init__(values)
        self._reads = reads

    def __getitem__(self, name: str) -> Any:
        self._reads.parameters.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self._reads.parameters.add(name)
        return super().get(name, default)

    def __iter__(self) -> Iterator[str]:
        self._reads.parameters.update(super().keys())
        return super().__iter__()

    def keys(self) -> Any:
        self._reads.parameters.update(super().keys())
        return super().keys()

    def values(self) -> Any:
        self._reads.parameters.update(super().keys())
        return super().values()

    def items(self) -> Any:
        self._reads.parameters.update(super().keys())
        return super().items()


def identity(entry: Entry) -> str:
    """Equal for values that a task cannot tell apart."""
    text = f"{entry.get('encoding', '')} {entry.get('digest', '')} {entry.get('name', '')}"
    return digests.small(text.encode()).hexdigest()[:32]


def of_value(value: Any) -> str:
    """Of an item of a list; "" where it cannot be told."""
    try:
        encoded = codec.encode(value)
    except codec.Unpicklable:
        return ""
    digest = digests.small(encoded.encoding.encode())
    for part in encoded:
        digest.update(part)
    return base64.b64encode(digest.digest()[:15]).decode()


def told_apart(entry: Entry) -> bool:
    """Are the items of this list few and small enough to have an identity each?"""
    return int(entry.get("size", MOST_BYTES)) < MOST_BYTES


def items(entry: Entry, values: Iterable[Any]) -> list[str]:
    """The identity of each item of a list; none where there are too many."""
    values = list(values)
    return [of_value(value) for value in values] if told_apart(entry) and len(values) <= MOST_ITEMS else []


def state(manifests: Iterable[Manifest]) -> str:
    """Equal for inputs that a task cannot tell apart. The scheduler computes the same."""
    digest = digests.small()
    for each in manifests:
        artifacts = sorted([name, identity(entry)] for name, entry in each.artifacts.items())
        lists = sorted([step, identity(entry)] for step, entry in each.foreach.items())
        digest.update(json.dumps([artifacts, lists], separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()[:32]


# Of this process, see environments/fingerprint.py.
environment = ""
_watched: Reads | None = None


def watch(reads: Reads | None) -> None:
    """From now on a fork of this process is the end of what these reads can see."""
    global _watched
    _watched = reads


def read_data(entry: dict[str, str]) -> None:
    """The task of this process, where there is one, has read data: see Reads.dataset."""
    if _watched is not None:
        _watched.dataset(entry)


def _forks() -> None:
    if _watched is not None:
        _watched.everything = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_forks)
