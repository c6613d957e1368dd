"""The RPCs of the artifact service: check what was sent, ask store and bucket, answer. No SQL here."""

from typing import Any

from headwater.api.artifact.v1 import artifact_pb2 as pb
from headwater.api.common.v1 import common_pb2
from headwater_server.artifact import limits
from headwater_server.artifact.blobs import BlobApi
from headwater_server.artifact.cards import CardApi
from headwater_server.artifact.store import NEWEST, Filter, Store
from headwater_server.artifact.upkeep import UpkeepApi
from headwater_server.artifact.uploads import Uploads
from headwater_server.artifact.user_objects import UserObjectApi
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.identity import Peers
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.kit.rpc import Call


class ArtifactApi:
    def __init__(
        self,
        store: Store,
        objects: ObjectStore,
        peers: Peers,
        outbox: Outbox,
        upkeep: UpkeepApi,
        uploads: Uploads,
    ) -> None:
        self.collect_garbage, self.audit_artifacts = upkeep.collect_garbage, upkeep.audit_artifacts
        self._store, self._objects = store, objects
        blobs = BlobApi(store, objects, uploads)
        self.begin_upload, self.commit_upload, self.get_blob = blobs.begin_upload, blobs.commit_upload, blobs.get_blob
        self.sign_parts = blobs.sign_parts
        self._cards = CardApi(store, peers, outbox)
        self.put_card, self.list_cards = self._cards.put_card, self._cards.list_cards
        users = UserObjectApi(objects)
        self.sign_object_reads, self.sign_object_writes = users.sign_object_reads, users.sign_object_writes

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


def _before(position: list[Any] | None) -> int:
    match position:
        case None:
            return NEWEST
        case [int(last)] if 0 < last < NEWEST:
            return last
    raise InvalidArgument("page_token: not a token of this list", field="page_token", hint="leave it empty to begin")


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
