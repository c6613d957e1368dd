"""Where a blob lies in the bucket. Pure.

Every project uploads to a key of its own, so an upload proves that the sender has the bytes, and nobody can write over
what another project has stored. The object of the first that commits is the blob; the others' are removed. A key whose
object was removed rests for a while: its next generation is another key. What comes in parts gets a key of its own.
"""

import hashlib
import re
import secrets
from typing import NamedTuple

FOLDER = "blobs/"
_KEY = re.compile(r"blobs/([0-9a-f]{2})/([0-9a-f]{2})/(\1\2[0-9a-f]{60})-[0-9a-f]{16}(?:\.([1-9]\d{0,8}))?")


class BlobKey(NamedTuple):
    """What a key says: the digest it is for, its first generation, and which one it is."""

    digest: bytes
    base: str
    generation: int


def upload_key(digest: bytes, project: str, generation: int = 0) -> str:
    """blobs/aa/bb/<digest>-<tag of the project>[.<generation>]."""
    text = digest.hex()
    base = f"blobs/{text[:2]}/{text[2:4]}/{text}-{hashlib.sha256(project.encode()).hexdigest()[:16]}"
    return f"{base}.{generation}" if generation else base


def lone_key(digest: bytes) -> str:
    """A key that nothing has lain at, for an upload whose bytes the S3 server cannot compare with their digest."""
    text = digest.hex()
    return f"blobs/{text[:2]}/{text[2:4]}/{text}-{secrets.token_hex(8)}"


def read_key(key: str) -> BlobKey | None:
    """None: it is not the key of a blob."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    return BlobKey(bytes.fromhex(found[3]), key.partition(".")[0], int(found[4] or 0))


def beyond(digest: bytes) -> str:
    """After all keys of this digest, before those of the next one."""
    text = digest.hex()
    return f"{FOLDER}{text[:2]}/{text[2:4]}/{text}~"
