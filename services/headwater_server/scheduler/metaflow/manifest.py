"""The artifacts of a Metaflow task as a manifest (docs/formats.md), to be listed and followed like any other. Pure."""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

ENCODING = "metaflow"


def manifest_of(rows: Iterable[Any]) -> bytes:
    """rows: name, sha, content_type, new."""
    artifacts, new = {}, []
    for row in rows:
        artifacts[row["name"]] = {
            "type": row["content_type"][:1000],
            "encoding": ENCODING,
            "size": 0,
            "digest": digest_of(row["sha"]),
            "sha": row["sha"],
        }
        if row["new"]:
            new.append(row["name"])
    return msgspec.json.encode({"v": 1, "artifacts": artifacts, "new": new} if artifacts else {})


def digest_of(sha: str) -> str:
    """Metaflow names values by their sha1; equal values have equal digests here, but no blob that we could read."""
    return hashlib.sha256(f"metaflow:{sha}".encode()).hexdigest()
