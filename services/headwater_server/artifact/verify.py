"""Are the bytes in the bucket those that were promised?

The S3 server checked them when they came and says so; where it keeps no checksum they are read and hashed here.
"""

import hashlib
import io
from typing import Any

from headwater_server.artifact.store import Store
from headwater_server.kit.errors import DataLoss, FailedPrecondition, InvalidArgument, NotFound
from headwater_server.kit.objects import ObjectStore


async def verify(objects: ObjectStore, store: Store, key: str, digest: bytes, size: int) -> None:
    """Returns when the object at `key` has this size and sha256. Raises FailedPrecondition when nothing was uploaded,
    InvalidArgument or DataLoss (DIGEST_MISMATCH) when it is something else; wrong bytes are removed."""
    info = await objects.head(key)
    if info is None:
        raise not_uploaded(digest)
    found = info.sha256 or await hash_object(objects, key)
    if found != digest.hex():
        if not await store.key_in_use(digest, key):
            await objects.delete(key)
        text = f"the uploaded bytes have the sha256 {found}, not {digest.hex()}; they were removed"
        raise DataLoss(text, field="digest", reason="DIGEST_MISMATCH", hint="upload the blob again")
    if info.size != size:
        text = f"size: blob {digest.hex()} has {info.size} bytes, not {size}"
        raise InvalidArgument(text, field="size", reason="DIGEST_MISMATCH", hint="commit it with its true size")


def not_uploaded(digest: bytes) -> FailedPrecondition:
    hint = "PUT the bytes to the URL of BeginUpload first, with its headers; ask for a new URL after a while"
    text = f"digest: blob {digest.hex()} was not uploaded"
    return FailedPrecondition(text, field="digest", reason="NOT_UPLOADED", hint=hint)


async def hash_object(objects: ObjectStore, key: str) -> str:
    """The sha256 of the bytes that lie at a key."""
    sink = Hasher()
    answer = await objects.http.request("GET", objects.presign_get(key), sink=sink)
    if answer.status != 200:
        raise NotFound(f"the object {key} went away while it was read")
    return sink.digest.hexdigest()


class Hasher(io.BytesIO):
    """A file that keeps nothing but hash and size of what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.digest, self.size = hashlib.sha256(), 0

    def write(self, data: Any) -> int:
        self.digest.update(data)
        self.size += len(data)
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        self.digest, self.size = hashlib.sha256(), 0
        return 0
