"""Are the bytes in the bucket those that were promised?

The S3 server checked them when they came and says so; where it keeps no checksum they are read and hashed here.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable

from headwater_server.artifact.store import Store
from headwater_server.kit.errors import DataLoss, FailedPrecondition, InvalidArgument, Unavailable
from headwater_server.kit.objects import ObjectStore

PIECE = 8 << 20
AHEAD = 3


async def verify(objects: ObjectStore, store: Store, key: str, digest: bytes, size: int) -> None:
    """Returns when the object at `key` has this size and sha256. Raises FailedPrecondition when nothing was uploaded,
    InvalidArgument or DataLoss (DIGEST_MISMATCH) when it is something else; wrong bytes are removed."""
    info = await objects.head(key)
    if info is None:
        raise not_uploaded(digest)
    found = info.sha256 or await hash_object(objects, key, info.size)
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


async def hash_object(
    objects: ObjectStore, key: str, size: int, told: Callable[[int], None] = lambda count: None
) -> str:
    """The sha256 of the `size` bytes that lie at a key; told() hears how many have been read. Raises NotFound.

    Pieces that come side by side: one stream costs some S3 servers ten times the work."""
    digest, ahead = hashlib.sha256(), deque[asyncio.Task[bytes]]()
    starts = iter(range(0, size, PIECE))
    try:
        for done in range(0, size, PIECE):
            while len(ahead) < AHEAD and (start := next(starts, None)) is not None:
                ahead.append(asyncio.create_task(objects.get(key, start=start, size=min(PIECE, size - start))))
            piece = await ahead.popleft()
            if len(piece) != min(PIECE, size - done):
                raise Unavailable(f"the object store gives {len(piece)} bytes of a piece of {key}")
            await asyncio.to_thread(digest.update, piece)
            told(done + len(piece))
    finally:
        for task in ahead:
            task.cancel()
        await asyncio.gather(*ahead, return_exceptions=True)
    return digest.hexdigest()
