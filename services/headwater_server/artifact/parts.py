"""The RPCs of files that come in parts, by S3's multipart uploads.

What was assembled is read once more, for its digest, and copied inside of the bucket to where a blob of it belongs.
"""

import hashlib
import re
import uuid
from datetime import timedelta
from typing import Any

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater_server.artifact import limits
from headwater_server.artifact.blobs import outside
from headwater_server.artifact.files import FileStore, file_message
from headwater_server.artifact.holders import leaseholder
from headwater_server.artifact.keys import upload_key
from headwater_server.artifact.multipart import MOST_PARTS, Multipart
from headwater_server.artifact.paths import check_path
from headwater_server.artifact.store import Store
from headwater_server.artifact.verify import hash_object
from headwater_server.kit.errors import FailedPrecondition, InvalidArgument, NotFound, Unavailable
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.rpc import Call

# A large file takes its time.
EXPIRES = 12 * 3600
_ETAG = re.compile(r'"?[\w.+/=-]{1,200}"?\Z', re.ASCII)


class PartsApi:
    def __init__(self, files: FileStore, store: Store, objects: ObjectStore) -> None:
        self._files, self._store, self._objects = files, store, objects
        self._multipart = Multipart(objects)

    async def begin_parts(self, request: pb.BeginPartsRequest, call: Call) -> pb.BeginPartsResponse:
        project, path = limits.check_project(request.project), check_path(request.path)
        if not 1 <= request.parts <= MOST_PARTS:
            text = f"parts: {request.parts} is not a number of parts"
            raise InvalidArgument(text, field="parts", hint=f"1 to {MOST_PARTS}")
        await self._files.check_free(project, path)
        ident = uuid.uuid4()
        key = _key(ident, project)
        s3_id = await self._multipart.begin(key)
        await self._files.add_upload(ident, project, path, key, s3_id)
        urls = [
            pb.Part(
                number=number,
                url=self._objects.presign(
                    "PUT",
                    key,
                    query={"partNumber": str(number), "uploadId": s3_id},
                    expires=EXPIRES,
                    public=outside(call),
                ),
            )
            for number in range(1, request.parts + 1)
        ]
        return pb.BeginPartsResponse(upload_id=str(ident), parts=urls)

    async def complete_parts(self, request: pb.CompletePartsRequest, call: Call) -> pb.CompletePartsResponse:
        """Safe to repeat: what is complete is only named again."""
        row = await self._upload(request.project, request.upload_id, request.path)
        digest = row["digest"]
        if digest is None:
            await self._assemble(row, request)
            digest, size = await self._measure(row["key"])
            await self._store_blob(row["project"], row["key"], digest, size)
            await self._files.complete_upload(row["id"], digest)
            await self._objects.delete(row["key"])
        blob = await self._store.blob(row["project"], digest)
        if blob is None:
            raise NotFound(f"blob {digest.hex()} went away", hint="upload the file again")
        file = await self._files.put(row["project"], row["path"], digest, blob.size)
        return pb.CompletePartsResponse(file=file_message(file))

    async def _store_blob(self, project: str, key: str, digest: bytes, size: int) -> None:
        """The object at `key` as a blob of the project, which a lease holds."""
        limits.check_size(size, digest, parts=True)
        holder = leaseholder(self._store.lease)
        known = await self._store.blob(project, digest)
        if known is not None and await self._store.hold(project, digest, holder):
            return
        target = upload_key(digest, project, await self._store.generation(upload_key(digest, project)))
        await self._copy(key, target)
        blob = await self._store.register(project, digest, size, target, holder)
        if blob is None:
            raise Unavailable("the place of this file is being cleared", hint="complete the upload again")
        if blob.key != target:
            await self._objects.delete(target)

    async def _copy(self, key: str, target: str) -> None:
        headers = {"x-amz-copy-source": f"/{self._objects.bucket}/{key}"} | self._objects.encryption
        url = self._objects.presign("PUT", target, headers=headers)
        answer = await self._objects.http.request("PUT", url, headers=headers)
        if answer.status >= 300 or b"<Error>" in answer.body:
            raise Unavailable(f"the object store answers {answer.status} to a copy")

    async def abort_parts(self, request: pb.AbortPartsRequest, call: Call) -> pb.AbortPartsResponse:
        await self._forget(await self._upload(request.project, request.upload_id, request.path))
        return pb.AbortPartsResponse()

    async def sweep(self, grace: timedelta) -> int:
        """Forgets uploads that nobody completes any more; how many."""
        rows = await self._files.old_uploads(grace)
        for row in rows:
            await self._forget(row)
        return len(rows)

    async def _upload(self, project: str, upload_id: str, path: str) -> Any:
        try:
            row = await self._files.upload(project, uuid.UUID(upload_id))
        except ValueError:
            row = None
        if row is None or (path and path != row["path"]):
            text = f"upload_id: there is no such upload of {path!r}" if path else "upload_id: there is no such upload"
            raise NotFound(text, field="upload_id", hint="begin it anew", reason="UPLOAD_NOT_FOUND")
        return row

    async def _assemble(self, row: Any, request: pb.CompletePartsRequest) -> None:
        numbers = [part.number for part in request.parts]
        if not numbers or len(numbers) > MOST_PARTS or sorted(set(numbers)) != numbers or numbers[0] < 1:
            raise InvalidArgument("parts: not the parts of a file, in their order", field="parts")
        for part in request.parts:
            if not _ETAG.match(part.etag):
                raise InvalidArgument(f"parts: part {part.number} has no etag", field="parts")
        parts = [(part.number, part.etag) for part in request.parts]
        refusal = await self._multipart.complete(row["key"], row["s3_id"], parts)
        if refusal and await self._objects.head(row["key"]) is None:
            text = f"parts: the object store refuses to join them: {refusal}"
            raise FailedPrecondition(text, field="parts", hint="upload every part, then complete with their etags")

    async def _measure(self, key: str) -> tuple[bytes, int]:
        """Digest and size."""
        info = await self._objects.head(key)
        if info is None:
            raise Unavailable("what was just uploaded is gone", hint="begin the upload anew")
        return bytes.fromhex(await hash_object(self._objects, key, info.size)), info.size

    async def _forget(self, row: Any) -> None:
        if row["digest"] is None:
            await self._multipart.abort(row["key"], row["s3_id"])
        await self._objects.delete(row["key"])  # assembled, and then nobody came back
        await self._files.delete_upload(row["id"])


def _key(ident: uuid.UUID, project: str) -> str:
    """A key that no digest has: nobody knows the digest yet."""
    return f"parts/{ident.hex[:2]}/{ident.hex}-{hashlib.sha256(project.encode()).hexdigest()[:16]}"
