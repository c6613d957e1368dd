"""Compares the bucket with the rows, a range of digests at a time: missing, corrupt and orphaned blobs, their repair.

Repair destroys nothing that a row names: a blob without good bytes is marked, so that it is not given out and the next
upload replaces it, unless its bytes lie at another key. Orphans go through the same condemned keys as garbage.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from headwater_server.artifact.keys import FOLDER, beyond, read_key
from headwater_server.artifact.store import Store
from headwater_server.artifact.upload_store import UploadStore
from headwater_server.artifact.verify import hash_object
from headwater_server.kit.clock import now
from headwater_server.kit.objects import Listed, ObjectStore

MOST_ROWS = 1000
FIRST = b""
MISSING, CORRUPT, ORPHANED, UNFINISHED = 1, 2, 3, 4


@dataclass
class Found:
    """One thing that is wrong."""

    kind: int
    digest: bytes
    key: str
    size: int
    detail: str
    since: datetime | None = None
    projects: Sequence[str] = ()
    repair: str = ""


@dataclass
class Part:
    """What a range of digests holds. last: its end; None: there is nothing beyond it."""

    last: bytes | None
    blobs: int = 0
    bytes: int = 0
    findings: list[Found] = field(default_factory=list)


class Audit:
    def __init__(self, store: Store, uploads: UploadStore, objects: ObjectStore) -> None:
        self._store, self._uploads, self._objects = store, uploads, objects

    async def part(self, after: bytes, *, deep: bool, repair: bool, grace: timedelta) -> Part:
        """The next range beyond a digest; grace: orphans younger than this are none yet."""
        listed, last = await self._listed(after)
        rows = await self._store.between(after, last, MOST_ROWS)
        if len(rows) == MOST_ROWS:
            last = rows[-1]["digest"]
            listed = {key: each for key, each in listed.items() if key < beyond(last)}
        named = {row["key"] for row in rows}
        strays = [each for key, each in listed.items() if key not in named and read_key(key)]
        resting = await self._store.dead_among([each.key for each in strays]) if strays else set()
        if strays:  # assembled of parts, and read at this moment
            resting |= {row["key"] for row in (await self._uploads.known()).values()}
        strays = [each for each in strays if each.key not in resting]
        result = Part(last, len(rows), sum(row["size"] for row in rows))
        adopted: set[str] = set()
        for row in rows:
            found = await self._check(row, listed.get(row["key"]), deep)
            if found is None:
                if repair and row["missing_since"]:
                    await self._store.found_again(row["digest"], row["key"])
                continue
            result.findings.append(found)
            if repair:
                adopted |= await self._heal(found, strays)
        for stray in strays:
            if stray.key not in adopted and now() - stray.modified >= grace:
                result.findings.append(await self._orphan(stray, repair))
        return result

    async def _listed(self, after: bytes) -> tuple[dict[str, Listed], bytes | None]:
        """Objects beyond a digest, and the last digest of which all are among them; None: that is all."""
        found, more = await self._objects.list(FOLDER, beyond(after) if after else "")
        if not more:
            return {each.key: each for each in found}, None
        digests = sorted({read.digest for each in found if (read := read_key(each.key))})
        if not digests:
            return {}, None
        last = digests[-2] if len(digests) > 1 else digests[0]
        return {each.key: each for each in found if each.key < beyond(last)}, last

    async def _check(self, row: Any, listed: Listed | None, deep: bool) -> Found | None:
        digest, key, size = row["digest"], row["key"], row["size"]
        about = {"since": row["missing_since"], "projects": row["projects"]}
        found = listed.size if listed else None
        if found is None:  # it may have come after the list was made
            info = await self._objects.head(key)
            if info is None:
                return Found(MISSING, digest, key, size, "there is no object", **about)
            found = info.size
        if found != size:
            return Found(CORRUPT, digest, key, size, f"the object has {found} bytes, not {size}", **about)
        if deep and (actual := await hash_object(self._objects, key, size)) != digest.hex():
            return Found(CORRUPT, digest, key, size, f"the object's bytes have the sha256 {actual}", **about)
        return None

    async def _heal(self, found: Found, strays: Sequence[Listed]) -> set[str]:
        """The key that the blob was given back from."""
        for stray in strays:
            read = read_key(stray.key)
            if read is None or read.digest != found.digest or stray.size != found.size:
                continue
            if await hash_object(self._objects, stray.key, stray.size) == found.digest.hex():
                await self._store.point_elsewhere(found.digest, found.key, stray.key, stray.size)
                found.repair = f"its bytes were found at {stray.key}"
                return {stray.key}
        if found.digest == hashlib.sha256(b"").digest():
            await self._objects.put(found.key, b"")
            await self._store.found_again(found.digest, found.key)
            found.repair = "written anew"
            return set()
        await self._store.mark_missing(found.digest, found.key)
        found.repair = "marked: the next upload of these bytes replaces it"
        return set()

    async def _orphan(self, stray: Listed, repair: bool) -> Found:
        read = read_key(stray.key)
        assert read is not None
        found = Found(ORPHANED, read.digest, stray.key, stray.size, "no row names this object", stray.modified)
        if repair and await self._store.bury_orphan(stray.key):
            found.repair = "removed"
        return found
