"""Follows the events that lineage is built from: many at a time, each with the manifest of its task; then the store."""

import asyncio

import msgspec
from nats.aio.msg import Msg

from headwater_server.artifact.lineage import events
from headwater_server.artifact.lineage.reading import Fact, project_of, run_of, text
from headwater_server.artifact.lineage.store import LineageStore
from headwater_server.artifact.manifest_reader import Manifests
from headwater_server.kit.consumer import dead_letter, decode
from headwater_server.kit.envelope import Envelope, MalformedEvent
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.service import ServiceKit


class LineageFollower:
    def __init__(self, kit: ServiceKit, store: LineageStore, manifests: Manifests) -> None:
        self._kit, self._store, self._manifests = kit, store, manifests

    async def take(self, messages: list[Msg]) -> None:
        found = await asyncio.gather(*(self._fact(msg) for msg in messages), return_exceptions=True)
        facts: list[Fact] = []
        for msg, fact in zip(messages, found, strict=True):
            if isinstance(fact, InvalidArgument | MalformedEvent):
                await dead_letter(self._kit, msg, str(fact))
            elif isinstance(fact, BaseException):
                raise fact
            elif fact is not None:
                facts.append(fact)
        if facts:
            await self._store.add(facts)

    async def _fact(self, msg: Msg) -> Fact | None:
        event = decode(msg)
        if not events.matters(event.type):
            return None
        return events.fact_of(event, await self._manifest(event) if event.type == events.SUCCEEDED else None)

    async def _manifest(self, event: Envelope) -> dict[str, object]:
        body, run = event.data, run_of(event.data)
        project = project_of(body, event.project)
        step, task_id = text(body, "step"), text(body, "taskId") or "0"
        told = body.get("manifestJson") or ""
        if not isinstance(told, str):
            raise InvalidArgument("manifest_json: not a text", field="manifest_json")
        data, _ = await self._manifests.read(project, run, step, task_id, told)
        return msgspec.json.decode(data) if data else {}
