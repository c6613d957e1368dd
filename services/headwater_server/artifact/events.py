"""What the artifact service follows. Tasks that succeeded: their manifests become rows that can be searched. And all
facts that say who needs a blob, or needs it no more; and, apart from these, all that lineage is built from.

The only file with subscriptions. Many events at a time, in their order; a redelivered one changes nothing.
"""

from datetime import datetime
from typing import Any

import msgspec
from nats.aio.msg import Msg

from headwater_server.artifact import holders
from headwater_server.artifact.backlog import Backlog
from headwater_server.artifact.indexer import Indexer
from headwater_server.artifact.limits import check_project, full_run_id, is_digest
from headwater_server.artifact.lineage.follower import LineageFollower
from headwater_server.artifact.lineage.store import LineageStore
from headwater_server.artifact.manifest_reader import Manifests
from headwater_server.artifact.store import Reference, Store
from headwater_server.kit.consumer import consume_batches, dead_letter, decode
from headwater_server.kit.envelope import Envelope, MalformedEvent
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.service import ServiceKit

SUCCEEDED = "task.succeeded"
# While tasks end one after the other, what they made is written so often (seconds).
_INDEX, _LINEAGE = 0.05, 0.25


class Needs(msgspec.Struct, rename="camel"):
    """What of these facts is of use here; each has some of it."""

    project: str = ""
    run_id: str = ""
    flow: str = ""
    deployment: str = ""
    name: str = ""
    previous_name: str = ""
    version: int = 0
    digest: str = ""
    code_package: str = ""
    locks: list[str] = []
    heirs: list[str] = []
    at: datetime | None = None


class Follower:
    def __init__(self, kit: ServiceKit, store: Store, objects: ObjectStore, backlog: Backlog) -> None:
        self._kit, self._store, self._backlog = kit, store, backlog
        self._indexer = Indexer(kit, store, objects)

    async def take(self, messages: list[Msg]) -> None:
        """Successes that follow one another are stored together; a fact that ends references waits for them."""
        together: list[tuple[Msg, Envelope]] = []
        for msg in messages:
            try:
                event = decode(msg)
            except MalformedEvent as error:
                await dead_letter(self._kit, msg, str(error))
                continue
            if event.type == SUCCEEDED or event.type in ADDS:
                together.append((msg, event))
            else:
                await self._add(together)
                together = []
                await self._one(msg, event)
        await self._add(together)
        self._backlog.heard(messages[-1].metadata.num_pending)

    async def _add(self, events: list[tuple[Msg, Envelope]]) -> None:
        await self._indexer.index([each for each in events if each[1].type == SUCCEEDED])
        found: list[Reference] = []
        for msg, event in events:
            if event.type != SUCCEEDED:
                try:
                    found += _references(event)
                except InvalidArgument as error:
                    await dead_letter(self._kit, msg, str(error))
        await self._store.refer(found)

    async def _one(self, msg: Msg, event: Envelope) -> None:
        try:
            await self._end(event)
        except InvalidArgument as error:
            await dead_letter(self._kit, msg, str(error))

    async def _end(self, event: Envelope) -> None:
        fact = _read(event)
        project = check_project(fact.project or "default")
        match event.type:
            case "run.deleted" | "tracked_run.deleted":
                run = _run(fact)
                name = holders.run_name(run)
                await self._store.forget_run(project, run, name, heirs=bool(fact.heirs))
            case "flow.deployed":
                name = holders.deployment_name(fact.deployment or fact.flow)
                await self._store.replace(project, name, _digests(fact), fact.at or event.time)
            case "flow.undeployed":
                name = holders.deployment_name(fact.deployment or fact.flow)
                await self._store.replace(project, name, (), fact.at or event.time)
            case "model.version_deleted":
                await self._store.release(project, holders.version_name(fact.name, fact.version))
            case "model.deleted":
                await self._store.release_model(project, fact.name)
            case "model.renamed":
                await self._store.rename_model(project, fact.previous_name, fact.name)


ADDS = ("run.started", "model.version_created")


def _references(event: Envelope) -> list[Reference]:
    fact = _read(event)
    project = check_project(fact.project or "default")
    if event.type == "run.started":
        run = _run(fact)
        return [Reference(project, digest, holders.run_name(run), run) for digest in _digests(fact)]
    name = holders.version_name(fact.name, fact.version)
    return [Reference(project, digest, name) for digest in _digests(fact)]


def _read(event: Envelope) -> Needs:
    try:
        return msgspec.convert(event.data, Needs, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"not a fact of {event.type}: {error}") from None


def _run(fact: Needs) -> Any:
    run = full_run_id(fact.run_id)
    if run is None:
        raise InvalidArgument(f"run_id: {shown(fact.run_id)} is not the id of a run", field="run_id")
    return run


def _digests(fact: Needs) -> list[bytes]:
    found = dict.fromkeys(each for each in (fact.digest, fact.code_package, *fact.locks) if is_digest(each))
    return [bytes.fromhex(each) for each in found]


async def subscribe(
    kit: ServiceKit, store: Store, objects: ObjectStore, backlog: Backlog, lineage: LineageStore
) -> None:
    index = Follower(kit, store, objects, backlog)
    puller = await consume_batches(kit, stream="HW_EVENTS", durable="artifact-index", handler=index.take, busy=_INDEX)
    kit.on_stop(puller.stop)
    follower = LineageFollower(kit, lineage, Manifests(kit, store, objects))
    following = await consume_batches(
        kit, stream="HW_EVENTS", durable="artifact-lineage", handler=follower.take, busy=_LINEAGE
    )
    kit.on_stop(following.stop)
