"""Reads the manifests of tasks that succeeded: what each made, as rows of the index, and which blobs its run needs."""

import asyncio
import uuid
from datetime import datetime
from typing import NamedTuple

import msgspec
from nats.aio.msg import Msg

from headwater_server.artifact import holders
from headwater_server.artifact.limits import check_project, check_text, full_run_id
from headwater_server.artifact.manifest_reader import Manifests
from headwater_server.artifact.manifests import Elsewhere, Made, read_manifest
from headwater_server.artifact.store import ArtifactRow, Reference, Store
from headwater_server.kit.consumer import dead_letter
from headwater_server.kit.envelope import Envelope, MalformedEvent
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.service import ServiceKit


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


class Read(NamedTuple):
    """What one success says."""

    rows: list[ArtifactRow]
    references: list[Reference]


class Indexer:
    def __init__(self, kit: ServiceKit, store: Store, objects: ObjectStore) -> None:
        self._kit, self._store = kit, store
        self._manifests = Manifests(kit, store, objects)

    async def index(self, events: list[tuple[Msg, Envelope]]) -> None:
        rows: list[ArtifactRow] = []
        references: list[Reference] = []
        read = await asyncio.gather(*(self._read(event) for _, event in events), return_exceptions=True)
        for (msg, _), found in zip(events, read, strict=True):
            if isinstance(found, MalformedEvent | InvalidArgument):
                await dead_letter(self._kit, msg, str(found))
            elif isinstance(found, BaseException):
                raise found
            else:
                rows += found.rows
                references += found.references
        await self._store.refer(references)
        await self._store.index(rows)

    async def _read(self, event: Envelope) -> Read:
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
        made, blobs = await self._made(project, run, task)
        holder = holders.run_name(run)
        references = [Reference(project, digest, holder, run) for digest in blobs]
        return Read([_row(run, project, task, each, at) for each in made], references)

    async def _made(self, project: str, run: uuid.UUID, task: Succeeded) -> tuple[list[Made], set[bytes]]:
        """What it made, and the blobs that its manifest names."""
        data, blobs = await self._manifests.read(project, run, task.step, task.task_id, task.manifest_json)
        found = read_manifest(data)
        assert not isinstance(found, Elsewhere)
        return found, blobs


def _row(run: uuid.UUID, project: str, task: Succeeded, made: Made, at: datetime) -> ArtifactRow:
    return ArtifactRow(
        run, task.step, task.path, task.index, task.attempt, made.name, project, task.flow, task.task_id,
        made.digest, made.size, made.type, made.encoding, at,
    )  # fmt: skip
