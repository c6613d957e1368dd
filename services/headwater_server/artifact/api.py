"""The RPCs of the artifact service: check what was sent, ask store and bucket, answer. No SQL here."""

from typing import Any

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater.api.common.v1 import common_pb2
from headwater_server.artifact import limits
from headwater_server.artifact.cards import CardApi
from headwater_server.artifact.keys import upload_key
from headwater_server.artifact.store import NEWEST, Filter, Store, StoredBlob
from headwater_server.artifact.user_objects import UserObjectApi
from headwater_server.artifact.verify import verify
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.identity import Peers
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.kit.rpc import Call


class ArtifactApi:
    def __init__(self, store: Store, objects: ObjectStore, peers: Peers, outbox: Outbox) -> None:
        self._store, self._objects = store, objects
        self._cards = CardApi(store, peers, outbox)
        self.put_card, self.list_cards = self._cards.put_card, self._cards.list_cards
        users = UserObjectApi(objects)
        self.sign_object_reads, self.sign_object_writes = users.sign_object_reads, users.sign_object_writes

    async def begin_upload(self, request: pb.BeginUploadRequest, call: Call) -> pb.BeginUploadResponse:
        project, digest = limits.check_project(request.project), limits.check_digest(request.digest)
        size = limits.check_size(request.size, digest)
        known = await self._store.blob(project, digest)
        if known is not None:
            limits.check_same_size(size, known.size, digest)
            return pb.BeginUploadResponse(exists=True)
        key = upload_key(digest, project)
        url, headers = self._objects.presign_put(key, sha256=digest.hex(), public=_outside(call))
        return pb.BeginUploadResponse(url=url, headers=headers)

    async def commit_upload(self, request: pb.CommitUploadRequest, call: Call) -> pb.CommitUploadResponse:
        project, digest = limits.check_project(request.project), limits.check_digest(request.digest)
        size = limits.check_size(request.size, digest)
        blob = await self._store.blob(project, digest)
        if blob is not None:
            limits.check_same_size(size, blob.size, digest)
        else:
            key = upload_key(digest, project)
            await verify(self._objects, self._store, key, digest, size)
            blob = await self._store.register(project, digest, size, key)
            if blob.key != key:  # another project had stored it: this upload was the proof
                await self._objects.delete(key)
        return pb.CommitUploadResponse(blob=_blob(digest, blob))

    async def get_blob(self, request: pb.GetBlobRequest, call: Call) -> pb.GetBlobResponse:
        project, digest = limits.check_project(request.project), limits.check_digest(request.digest)
        blob = await self._store.blob(project, digest)
        if blob is None:
            raise NotFound(
                f"digest: project {project!r} has no blob {digest.hex()}",
                field="digest",
                reason="BLOB_NOT_FOUND",
                hint="small artifacts lie inside their task's manifest or pack, not in a blob of their own",
            )
        url = self._objects.presign_get(blob.key, public=_outside(call))
        return pb.GetBlobResponse(blob=_blob(digest, blob), url=url)

    async def list_artifacts(self, request: pb.ListArtifactsRequest, call: Call) -> pb.ListArtifactsResponse:
        size = page_size(request.page_size)
        wanted = await self._filter(request, call)
        position = read_page_token(request.page_token, request.project, *wanted)
        rows = await self._store.artifacts(request.project, wanted, _before(position), size + 1)
        answer = pb.ListArtifactsResponse(artifacts=[_artifact(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token([rows[size - 1]["id"]], request.project, *wanted)
        return answer

    async def _filter(self, request: pb.ListArtifactsRequest, call: Call) -> Filter:
        step, task_id, name = (
            limits.check_text(text, field) or None
            for field, text in (("step", request.step), ("task_id", request.task_id), ("name", request.name))
        )
        digest = limits.check_digest(request.digest) if request.digest else None
        run = await self._cards.run_id(request.run_id, request.project, call) if request.run_id else None
        return Filter(run, step, task_id, name, digest)


def _outside(call: Call) -> bool:
    """Workers on the bus and services reach the S3 server as we do; everybody else by its public address."""
    return call.actor.kind not in ("worker", "service")


def _before(position: list[Any] | None) -> int:
    match position:
        case None:
            return NEWEST
        case [int(last)] if 0 < last < NEWEST:
            return last
    raise InvalidArgument("page_token: not a token of this list", field="page_token", hint="leave it empty to begin")


def _blob(digest: bytes, blob: StoredBlob) -> pb.Blob:
    return pb.Blob(digest=digest.hex(), size=blob.size, created_at=timestamp(blob.created_at))


def _artifact(row: Any) -> pb.Artifact:
    key = common_pb2.TaskKey(run_id=str(row["run_id"]), step=row["step"], path=row["path"], index=row["index"])
    return pb.Artifact(
        key=key,
        task_id=row["task_id"],
        attempt=row["attempt"],
        name=row["name"],
        digest=row["digest"].hex(),
        size=row["size"],
        type=row["type"],
        encoding=row["encoding"],
        created_at=timestamp(row["created_at"]),
        flow=row["flow"],
    )
