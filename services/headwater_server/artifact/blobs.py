"""The RPCs about blobs. "It is here" is answered only to somebody who holds the blob from then on, so that the
collector leaves it; a blob that is on its way out is asked for again."""

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater_server.artifact import holders, limits
from headwater_server.artifact.holders import Holder
from headwater_server.artifact.keys import upload_key
from headwater_server.artifact.store import Store, StoredBlob
from headwater_server.artifact.uploads import Uploads
from headwater_server.artifact.verify import not_uploaded, verify
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import NotFound
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.rpc import Call


class BlobApi:
    def __init__(self, store: Store, objects: ObjectStore, uploads: Uploads) -> None:
        self._store, self._objects, self._uploads = store, objects, uploads

    async def begin_upload(self, request: pb.BeginUploadRequest, call: Call) -> pb.BeginUploadResponse:
        project, digest = limits.check_project(request.project), limits.check_digest(request.digest)
        size = limits.check_size(request.size, digest, parts=request.accept_parts)
        holder = self._holder(request.run_id, call)
        known = await self._store.blob(project, digest)
        if known is not None:
            limits.check_same_size(size, known.size, digest)
            if await self._store.hold(project, digest, holder):
                return pb.BeginUploadResponse(exists=True)
        if request.accept_parts and self._uploads.suits(size):
            return pb.BeginUploadResponse(parted=await self._uploads.begin(project, digest, size))
        key = await self._key(digest, project)
        url, headers = self._objects.presign_put(key, sha256=digest.hex(), public=outside(call))
        return pb.BeginUploadResponse(url=url, headers=headers)

    async def commit_upload(self, request: pb.CommitUploadRequest, call: Call) -> pb.CommitUploadResponse:
        project, digest = limits.check_project(request.project), limits.check_digest(request.digest)
        size = limits.check_size(request.size, digest, parts=bool(request.upload_id))
        holder = self._holder(request.run_id, call)
        blob = await self._store.blob(project, digest)
        if blob is not None:
            limits.check_same_size(size, blob.size, digest)
            if await self._store.hold(project, digest, holder):
                return pb.CommitUploadResponse(blob=blob_message(digest, blob))
        if request.upload_id:
            return await self._commit_parted(project, digest, size, holder, request.upload_id)
        key = await self._key(digest, project)
        await verify(self._objects, self._store, key, digest, size)
        blob = await self._store.register(project, digest, size, key, holder)
        if blob is None:
            raise not_uploaded(digest)
        if blob.key != key:  # another project had stored it: this upload was the proof
            await self._objects.delete(key)
        return pb.CommitUploadResponse(blob=blob_message(digest, blob))

    async def sign_parts(self, request: pb.SignPartsRequest, call: Call) -> pb.SignPartsResponse:
        project, digest = limits.check_project(request.project), limits.check_digest(request.digest)
        return pb.SignPartsResponse(parts=await self._uploads.sign(project, digest, request, public=outside(call)))

    async def _commit_parted(
        self, project: str, digest: bytes, size: int, holder: Holder, upload_id: str
    ) -> pb.CommitUploadResponse:
        verified = await self._uploads.commit(project, digest, size, upload_id)
        if verified is not None:
            return pb.CommitUploadResponse(verified=verified)
        blob = await self._store.blob(project, digest)
        if blob is None or not await self._store.hold(project, digest, holder):
            raise not_uploaded(digest)
        return pb.CommitUploadResponse(blob=blob_message(digest, blob))

    async def get_blob(self, request: pb.GetBlobRequest, call: Call) -> pb.GetBlobResponse:
        project, digest = limits.check_project(request.project), limits.check_digest(request.digest)
        blob = await self._store.blob(project, digest)
        if blob is not None and request.keep:
            blob = blob if await self._store.hold(project, digest, holders.leaseholder(self._store.lease)) else None
        if blob is None:
            raise NotFound(
                f"digest: project {project!r} has no blob {digest.hex()}",
                field="digest",
                reason="BLOB_NOT_FOUND",
                hint="small artifacts lie inside their task's manifest or pack, not in a blob of their own",
            )
        url = self._objects.presign_get(blob.key, public=outside(call))
        return pb.GetBlobResponse(blob=blob_message(digest, blob), url=url)

    def _holder(self, run_id: str, call: Call) -> Holder:
        """A task's blobs belong to its run; of others there is a lease until they refer to them."""
        known = call.actor.run_id or (run_id if call.actor.kind in ("worker", "service") else "")
        run = limits.full_run_id(known)
        return holders.run_holder(run, self._store.lease) if run else holders.leaseholder(self._store.lease)

    async def _key(self, digest: bytes, project: str) -> str:
        return upload_key(digest, project, await self._store.generation(upload_key(digest, project)))


def outside(call: Call) -> bool:
    """Workers on the bus and services reach the S3 server as we do; everybody else by its public address."""
    return call.actor.kind not in ("worker", "service")


def blob_message(digest: bytes, blob: StoredBlob) -> pb.Blob:
    return pb.Blob(digest=digest.hex(), size=blob.size, created_at=timestamp(blob.created_at))
