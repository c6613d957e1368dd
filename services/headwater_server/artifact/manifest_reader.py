"""Finds the manifest of a task that succeeded, wherever it is: in the event, with the scheduler, in a blob."""

import asyncio
import uuid

from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.artifact.manifests import MAX_MANIFEST, Elsewhere, needed, read_manifest
from headwater_server.artifact.store import Store
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.service import ServiceKit

FETCHES = 16


class Manifests:
    def __init__(self, kit: ServiceKit, store: Store, objects: ObjectStore) -> None:
        self._kit, self._store, self._objects = kit, store, objects
        self._fetches = asyncio.Semaphore(FETCHES)

    async def read(
        self, project: str, run: uuid.UUID, step: str, task_id: str, told: str
    ) -> tuple[bytes | str, set[bytes]]:
        """Its text, which read_manifest() accepts and which is no reference, and the digests of the blobs that it
        names; told: what the event has of it. "" for a run that is deleted. Raises InvalidArgument."""
        data = told or await self._result(run, step, task_id)
        found, blobs = read_manifest(data), needed(data)
        if isinstance(found, Elsewhere):
            data = await self._blob(project, run, found.digest)
            found = read_manifest(data)
            blobs |= needed(data)
        if isinstance(found, Elsewhere):
            raise InvalidArgument("manifest: refers to a manifest that refers to another one", field="manifest")
        return data, blobs

    async def _result(self, run: uuid.UUID, step: str, task_id: str) -> bytes:
        """The manifest that was too large for the event."""
        request = scheduler_pb2.ListTasksRequest(run_id=str(run), step=step, task_id=task_id, results=True)
        try:
            async with self._fetches:
                answer = await self._kit.client("scheduler").ListTasks(request)
        except NotFound as error:
            if error.reason == "RUN_NOT_FOUND":  # deleted meanwhile: nobody needs to find what it made
                return b""
            raise
        if not answer.tasks:
            raise NotFound(f"the scheduler has no task {run}/{step}/{task_id}")
        return answer.tasks[0].result

    async def _blob(self, project: str, run: uuid.UUID, digest: bytes) -> bytes:
        blob = await self._store.blob(project, digest)
        if blob is None:
            if await self._store.run_deleted(run):
                return b""
            raise InvalidArgument(
                f"manifest: project {project!r} has no blob {digest.hex()}", field="manifest.manifest"
            )
        if blob.size > MAX_MANIFEST:
            raise InvalidArgument(f"manifest: {blob.size} bytes, at most {MAX_MANIFEST}", field="manifest.manifest")
        async with self._fetches:
            return await self._objects.get(blob.key)
