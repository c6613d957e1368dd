"""Uploads of large blobs in parts: who has the bytes begins or continues one, sends what is missing, and commits.

The object store knows which parts are there, so a client that has forgotten everything, or another one, goes on where
the last one stopped. Each goes to a key of its own: nothing that is assembled takes the place of what somebody uses.
"""

import asyncio
import base64
import re
import uuid
from collections.abc import Sequence
from typing import Any

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater_server.artifact import limits
from headwater_server.artifact.keys import lone_key
from headwater_server.artifact.multipart import Multipart, UploadedPart
from headwater_server.artifact.proofs import Proofs
from headwater_server.artifact.store import Store
from headwater_server.artifact.upload_store import UploadStore
from headwater_server.artifact.verify import not_uploaded
from headwater_server.kit.errors import DataLoss, FailedPrecondition, InvalidArgument
from headwater_server.kit.hints import shown
from headwater_server.kit.objects import ObjectStore

MOST_SIGNED = 1000
_MD5 = re.compile(r"[0-9a-f]{32}")


class Uploads:
    def __init__(self, store: Store, uploads: UploadStore, objects: ObjectStore, sizes: limits.PartSizes) -> None:
        self._store, self._uploads, self._objects, self._sizes = store, uploads, objects, sizes
        self._multipart = Multipart(objects)
        self._proofs = Proofs(store, uploads, objects)
        self.close = self._proofs.close

    def suits(self, size: int) -> bool:
        return size >= self._sizes.threshold

    async def begin(self, project: str, digest: bytes, size: int) -> pb.PartedUpload:
        """A new upload, or the one that is under way."""
        row = await self._uploads.open(project, digest, size)
        if row is not None:
            present = await self._present(row)
            if present is not None:
                return _message(row, present)
            await self._uploads.end(row["id"])
        key, part_size = lone_key(digest), self._sizes.of(size)
        s3_id = await self._multipart.begin(key)
        if not await self._uploads.begin(uuid.uuid4(), project, digest, size, part_size, key, s3_id):
            await self._multipart.abort(key, s3_id)
        row = await self._uploads.open(project, digest, size)
        return _message(row, await self._present(row) or []) if row is not None else await self.begin(
            project, digest, size
        )  # fmt: skip

    async def _present(self, row: Any) -> list[int] | None:
        """Numbers of the parts that are there; None: of this upload nothing is left."""
        if row["problem"]:
            return None
        parts = await self._multipart.parts(row["key"], row["s3_id"])
        if parts is not None:
            return [part.number for part in parts if part.size == _length(row, part.number)]
        info = await self._objects.head(row["key"])  # assembled, and nobody came to say so
        return list(range(1, _count(row) + 1)) if info is not None and info.size == row["size"] else None

    async def sign(self, project: str, digest: bytes, request: pb.SignPartsRequest, *, public: bool) -> list[pb.Part]:
        if len(request.parts) > MOST_SIGNED:
            raise InvalidArgument(f"parts: {len(request.parts)}, at most {MOST_SIGNED} at once", field="parts")
        row = await self._find(project, digest, request.upload_id)
        count, signed = _count(row), list[pb.Part]()
        for place, part in enumerate(request.parts):
            field = f"parts[{place}]"
            if not 1 <= part.number <= count:
                text = f"{field}.number: {part.number} is no part of this upload"
                raise InvalidArgument(text, field=f"{field}.number", hint=f"1 to {count}")
            if not _MD5.fullmatch(part.md5):
                text = f"{field}.md5: {shown(part.md5)} is no MD5"
                raise InvalidArgument(text, field=f"{field}.md5", hint="32 lowercase hex digits, as `md5sum` prints it")
            headers = {"content-md5": base64.b64encode(bytes.fromhex(part.md5)).decode()}
            query = {"partNumber": str(part.number), "uploadId": row["s3_id"]}
            url = self._objects.presign("PUT", row["key"], query=query, headers=headers, public=public)
            signed.append(pb.Part(number=part.number, url=url, headers=headers))
        return signed

    async def commit(self, project: str, digest: bytes, size: int, upload_id: str) -> int | None:
        """None: the project has the blob now. A number: its bytes are still read, and this many have been.

        Raises FailedPrecondition (NOT_UPLOADED) where parts are missing, DataLoss (DIGEST_MISMATCH) where they are
        not those of the digest; then nothing is left of them.
        """
        row = await self._find(project, digest, upload_id)
        limits.check_same_size(size, row["size"], digest)
        if row["problem"]:
            await self._uploads.end(row["id"])
            raise DataLoss(row["problem"], field="digest", reason="DIGEST_MISMATCH", hint="upload the blob again")
        if not self._proofs.under_way(row["id"]):
            await self._assemble(row, digest)
        return await self._proofs.advance(row)

    async def _assemble(self, row: Any, digest: bytes) -> None:
        parts = await self._multipart.parts(row["key"], row["s3_id"])
        if parts is None:  # by somebody else, or by one who died after it
            if await self._objects.head(row["key"]) is None:
                await self._uploads.end(row["id"])
                raise not_uploaded(digest)
            return
        missing = _missing(row, parts)
        if missing:
            text = f"digest: of blob {digest.hex()} {missing} of {_count(row)} parts are not here"
            hint = "begin the upload again: it says which are here; then PUT the others"
            raise FailedPrecondition(text, field="digest", reason="NOT_UPLOADED", hint=hint)
        refusal = await self._multipart.complete(row["key"], row["s3_id"], [(part.number, part.etag) for part in parts])
        if refusal and await self._objects.head(row["key"]) is None:
            text = f"the object store refuses to join the parts of blob {digest.hex()}: {refusal}"
            raise FailedPrecondition(text, field="digest", reason="NOT_UPLOADED", hint="begin the upload again")

    async def _find(self, project: str, digest: bytes, upload_id: str) -> Any:
        ident = limits.full_run_id(upload_id)
        row = await self._uploads.find(project, digest, ident) if ident else None
        if row is None:
            text = f"upload_id: there is no upload {shown(upload_id)} of blob {digest.hex()} (any more)"
            raise FailedPrecondition(text, field="upload_id", reason="NOT_UPLOADED", hint="begin the upload again")
        return row

    async def forget(self, row: Any) -> None:
        """Frees what an upload has taken up in the bucket, but nothing that became a blob. Safe to repeat."""
        await self._multipart.abort(row["key"], row["s3_id"])
        await self._store.bury_orphan(row["key"])
        await self._uploads.end(row["id"])

    async def forget_project(self, project: str) -> int:
        count = 0
        while rows := await self._uploads.of_project(project):
            await asyncio.gather(*(self.forget(row) for row in rows))
            count += len(rows)
        return count


def _count(row: Any) -> int:
    return -(-row["size"] // row["part_size"])


def _length(row: Any, number: int) -> int:
    """Of a part, in bytes."""
    return min(row["part_size"], row["size"] - (number - 1) * row["part_size"])


def _missing(row: Any, parts: Sequence[UploadedPart]) -> int:
    return _count(row) - sum(part.size == _length(row, part.number) for part in parts)


def _message(row: Any, present: list[int]) -> pb.PartedUpload:
    return pb.PartedUpload(
        upload_id=str(row["id"]), part_size=row["part_size"], parts=_count(row), present=sorted(present)
    )
