"""The registry on a real bus and a real Postgres; only the artifact service is stood in for, by the blobs of a test."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
import msgspec
import pytest_asyncio

from headwater.api.artifact.v1 import artifact_pb2
from headwater.api.registry.v1 import registry_pb2 as pb
from headwater_server.kit import grpc_server
from headwater_server.kit.auth import Actor, Identity, service_token
from headwater_server.kit.errors import NotFound
from headwater_server.kit.rpc import Call
from headwater_server.kit.service import Process, ServiceKit
from tests.harness.fixtures import INTERNAL_KEY, Builder
from tests.harness.servers import NatsServer
from tests.harness.waiting import eventually
from tests.integration.standin import Servicer

ANN = Identity(Actor("user", "ann"), "promoter", "default")


@dataclass
class Blobs(Servicer):
    """(project, digest) → size, and who asked."""

    known: dict[tuple[str, str], int] = field(default_factory=dict)
    asked: list[Identity] = field(default_factory=list)

    def add(self, letter: str, size: int = 7, project: str = "default") -> str:
        self.known[project, letter * 64] = size
        return letter * 64

    async def get_blob(self, request: artifact_pb2.GetBlobRequest, call: Call) -> artifact_pb2.GetBlobResponse:
        self.asked.append(call.identity)
        size = self.known.get((request.project, request.digest))
        if size is None:
            raise NotFound(f"no blob {request.digest}")
        return artifact_pb2.GetBlobResponse(blob=artifact_pb2.Blob(digest=request.digest, size=size))


class Registry:
    """Calls the registry on behalf of a caller, and hears what it tells."""

    def __init__(self, kit: ServiceKit[Any], client: Any, blobs: Blobs) -> None:
        self.kit, self.blobs, self._client = kit, blobs, client
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []

    async def call(self, method: str, who: Identity = ANN, /, **fields: Any) -> Any:
        request = getattr(pb, f"{method}Request")(**fields)
        return await getattr(self._client, method)(request, on_behalf=who)

    async def version(self, name: str = "churn", **fields: Any) -> pb.ModelVersion:
        return (await self.call("CreateModelVersion", name=name, **fields)).version

    async def facts(self) -> list[tuple[str, dict[str, Any]]]:
        """(subject, body) of all events since the last time, once every row of the outbox has left."""
        await eventually(self._all_left)
        told, self.told[:] = list(self.told), []
        return told

    async def _all_left(self) -> bool:
        return not await self.kit.database.fetchval("SELECT count(*) FROM outbox")


@pytest_asyncio.fixture
async def registry(service_kit: Builder, bus: NatsServer) -> AsyncIterator[Registry]:
    blobs = Blobs()
    open_hooks = {"webhooks_http": "true", "webhooks_private": "true"}  # receivers of tests are on this machine
    kit = await service_kit("registry", reason_required="production", **open_hooks)
    kit.serve(artifact_pb2.DESCRIPTOR.services_by_name["ArtifactService"], blobs)
    process = await Process([kit]).start()
    channel = grpc.aio.insecure_channel(service_kit.address, options=grpc_server.OPTIONS)
    client = grpc_server.Client(channel, grpc_server.descriptor("registry"), service_token(INTERNAL_KEY, "gateway"))
    made = Registry(kit, client, blobs)

    async def hear(msg: Any) -> None:
        made.told.append((msg.subject, msgspec.json.decode(msg.data)))
        made.headers.append(msg.headers)

    listener = await bus.connect("gateway")
    await listener.subscribe("hw.evt.v1.>", hear, concurrency=1)
    await listener.nc.flush()
    yield made
    await channel.close()
    await process.server.stop(0.1)
    await asyncio.sleep(0)
