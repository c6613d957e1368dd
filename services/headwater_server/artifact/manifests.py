"""What a task's manifest says it made: docs/formats.md, "The manifest". Pure; reads no value and unpickles nothing.

A manifest comes from a worker in any language, so every entry is checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from headwater_server.artifact.limits import MAX_SIZE, check_digest, check_text, is_digest
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

VERSION = 1
MAX_MANIFEST = 64 << 20


@dataclass(frozen=True)
class Made:
    """An artifact that a task assigned itself."""

    name: str
    digest: bytes
    size: int
    type: str
    encoding: str


@dataclass(frozen=True)
class Elsewhere:
    """The manifest was too large to travel: it is this blob."""

    digest: bytes


def read_manifest(data: bytes | str) -> list[Made] | Elsewhere:
    """What a task made, in the order of names; nothing for an empty manifest. Raises InvalidArgument."""
    if not data:
        return []
    try:
        body = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidArgument(f"manifest: not JSON: {error}", field="manifest") from None
    if not isinstance(body, dict):
        raise InvalidArgument(f"manifest: {shown(body)} is not an object", field="manifest")
    if not body:
        return []
    if body.get("v") != VERSION:
        hint = "update Headwater on the server"
        raise InvalidArgument(
            f"manifest: version {shown(body.get('v'))} is not {VERSION}", field="manifest.v", hint=hint
        )
    if "manifest" in body:
        return Elsewhere(check_digest(body["manifest"], "manifest.manifest"))
    artifacts, new = body.get("artifacts") or {}, body.get("new") or []
    if not isinstance(artifacts, dict) or not isinstance(new, list):
        raise InvalidArgument("manifest: artifacts is an object by name, new a list of names", field="manifest")
    names = sorted({check_text(name, "manifest.new") for name in new})
    return [_made(name, artifacts[name]) for name in names if name in artifacts]


def _made(name: str, entry: Any) -> Made:
    field = f"manifest.artifacts[{name!r}]"
    if not isinstance(entry, Mapping):
        raise InvalidArgument(f"{field}: {shown(entry)} is not an object", field=field)
    size = entry.get("size", 0)
    if type(size) is not int or not 0 <= size <= MAX_SIZE:
        raise InvalidArgument(f"{field}.size: {shown(size)} is not a number of bytes", field=f"{field}.size")
    return Made(
        name,
        check_digest(entry.get("digest"), f"{field}.digest"),
        size,
        check_text(entry.get("type", ""), f"{field}.type"),
        check_text(entry.get("encoding", ""), f"{field}.encoding"),
    )


def needed(data: bytes | str) -> set[bytes]:
    """Digests of the blobs that a manifest names, inherited ones too, and of values of other engines.

    Of a manifest that read_manifest() accepts."""
    body = msgspec.json.decode(data) if data else {}
    found = {body["manifest"]} if "manifest" in body else set()
    for group in ("artifacts", "foreach"):
        entries = body.get(group) or {}
        for entry in entries.values() if isinstance(entries, dict) else ():
            if isinstance(entry, dict):
                found.add(entry.get("groups"))
                if "inline" not in entry:
                    found.add(entry.get("pack") or entry.get("digest"))
    return {bytes.fromhex(each) for each in found if is_digest(each)}
