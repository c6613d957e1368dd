"""What the artifact service follows: tasks that succeeded. Their manifests become rows that can be searched.

The only file with subscriptions. Many events at a time; a redelivered one changes nothing.
"""

import asyncio
import uuid
from datetime import datetime

import msgspec
from nats.aio.msg import Msg

from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.artifact.limits import check_project, check_text, full_run_id
from headwater_server.artifact.manifests import MAX_MANIFEST, Elsewhere, Made, read_manifest
from headwater_server.artifact.store import ArtifactRow, Store
from headwater_server.kit.consumer import consume_batches, dead_letter, decode
from headwater_server.kit.envelope import MalformedEvent
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.hints import shown
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.service import ServiceKit

FETCHES = 16


class Succeeded(msgspec.Struct, rename="camel"):
    """What of a TaskSucceeded is of use here. Not the stub: its JSON mapping costs more than the rest of the work."""

    run_id: str
    step: str
    project: str = ""
    flow: str = ""
    path: str = ""
    index: int = 0
    task_id: str = "0"
    attempt: int = 0
    at: datetime | None = None
    manifest_json: str = ""


class Indexer:
    def __init__(self, kit: ServiceKit, store: Store, objects: ObjectStore) -> None:
        self._kit, self._store, self._objects = kit, store, objects
        self._fetches = asyncio.Semaphore(FETCHES)

    async def index(self, messages: list[Msg]) -> None:
        rows: list[ArtifactRow] = []
        read = await asyncio.gather(*(self._read(msg) for msg in messages), return_exceptions=True)
        for msg, found in zip(messages, read, strict=True):
            if isinstance(found, MalformedEvent | InvalidArgument):
                await dead_letter(self._kit, msg, str(found))
            elif isinstance(found, BaseException):
                raise found
            else:
                rows += found
        await self._store.index(rows)

    async def _read(self, msg: Msg) -> list[ArtifactRow]:
        event = decode(msg)
        try:
            task = msgspec.convert(event.data, Succeeded, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidArgument(f"not a TaskSucceeded: {error}") from None
        run = full_run_id(task.run_id)
        if run is None:
            raise InvalidArgument(f"run_id: {shown(task.run_id)} is not the id of a run", field="run_id")
        project = check_project(task.project or "default")
        for field in ("step", "path", "task_id", "flow"):
            check_text(getattr(task, field), field)
        at = task.at or event.time
        return [_row(run, project, task, made, at) for made in await self._made(project, task)]

    async def _made(self, project: str, task: Succeeded) -> list[Made]:
        found = read_manifest(task.manifest_json or await self._result(task))
        if isinstance(found, Elsewhere):
            found = read_manifest(await self._manifest_blob(project, found.digest))
        if isinstance(found, Elsewhere):
            raise InvalidArgument("manifest: refers to a manifest that refers to another one", field="manifest")
        return found

    async def _result(self, task: Succeeded) -> bytes:
        """The manifest that was too large for the event."""
        request = scheduler_pb2.ListTasksRequest(run_id=task.run_id, step=task.step, task_id=task.task_id, results=True)
        async with self._fetches:
            answer = await self._kit.client("scheduler").ListTasks(request)
        if not answer.tasks:
            raise NotFound(f"the scheduler has no task {task.run_id}/{task.step}/{task.task_id}")
        return answer.tasks[0].result

    async def _manifest_blob(self, project: str, digest: bytes) -> bytes:
        blob = await self._store.blob(project, digest)
        if blob is None:
            raise InvalidArgument(
                f"manifest: project {project!r} has no blob {digest.hex()}", field="manifest.manifest"
            )
        if blob.size > MAX_MANIFEST:
            raise InvalidArgument(f"manifest: {blob.size} bytes, at most {MAX_MANIFEST}", field="manifest.manifest")
        async with self._fetches:
            return await self._objects.get(blob.key)


def _row(run: uuid.UUID, project: str, task: Succeeded, made: Made, at: datetime) -> ArtifactRow:
    return ArtifactRow(
        run, task.step, task.path, task.index, task.attempt, made.name, project, task.flow, task.task_id,
        made.digest, made.size, made.type, made.encoding, at,
    )  # fmt: skip


async def subscribe(kit: ServiceKit, store: Store, objects: ObjectStore) -> None:
    indexer = Indexer(kit, store, objects)
    puller = await consume_batches(kit, stream="HW_EVENTS", durable="artifact-index", handler=indexer.index)
    kit.on_stop(puller.stop)
