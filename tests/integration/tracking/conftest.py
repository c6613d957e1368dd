"""Tracking on a real bus and a real Postgres: the scheduler's facts, the node agents' batches and foreign events are
published with the rights of those who publish them."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest_asyncio
from google.protobuf.message import Message

from headwater.api.common.v1 import common_pb2
from headwater.api.events.v1 import events_pb2
from headwater.api.tracking.v1 import points_pb2
from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.bus import Bus
from headwater_server.kit.clock import timestamp
from headwater_server.kit.database import Database
from headwater_server.kit.envelope import encode
from headwater_server.kit.ids import subject_token, uuid7
from tests.harness.fixtures import Builder
from tests.harness.servers import NatsServer
from tests.harness.waiting import eventually

ANN = Identity(Actor("user", "ann"), "editor", "default")


@dataclass
class DeadLetter:
    subject: str
    reason: str
    data: bytes


@dataclass
class Tracking:
    client: Any
    database: Database
    scheduler: Bus
    agent: Bus
    outside: Bus
    dead: list[DeadLetter] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def call(self, method: str, who: Identity = ANN, /, **fields: Any) -> Any:
        request = getattr(pb, f"{method}Request", None) or getattr(points_pb2, f"{method}Request")
        return await getattr(self.client, method)(request(**fields), on_behalf=who)

    async def run(self, run_id: str, who: Identity = ANN) -> pb.TrackedRun:
        return (await self.call("GetTrackedRun", who, run_id=run_id)).run

    async def search(self, text: str = "", **fields: Any) -> list[str]:
        """Names of the runs that are found."""
        return [run.name for run in (await self.call("SearchTrackedRuns", filter=text, **fields)).runs]

    async def new_run(self, name: str = "", **fields: Any) -> str:
        return (await self.call("CreateTrackedRun", name=name, **fields)).run.run_id

    async def happens(self, event: Message) -> None:
        """A fact of the scheduler is published."""
        out = encode(event)
        await self.scheduler.publish_stream(out.subject, out.body, msg_id=out.id, headers=out.headers)

    async def starts(self, run_id: str = "", project: str = "default", flow: str = "Train", **fields: Any) -> str:
        run_id = run_id or uuid7()
        actor = common_pb2.Actor(kind="user", name="ann")
        event = events_pb2.RunStarted(run_id=run_id, project=project, flow=flow, at=timestamp(), actor=actor, **fields)
        await self.happens(event)
        return run_id

    async def logs(self, run_id: str, *points: tuple[str, float, int], project: str = "default", **fields: Any) -> None:
        """A node agent publishes a MetricBatch."""
        metrics = [
            {"key": key, "value": value, "step": step, "timestampMs": 1000 + step} for key, value, step in points
        ]
        await self.batch(run_id, {"runId": run_id, "metrics": metrics, **fields}, project)

    async def batch(self, run_id: str, body: Any, project: str = "default") -> None:
        payload = body if isinstance(body, bytes) else msgspec.json.encode(body)
        subject = f"hw.metrics.v1.{subject_token(project)}.{run_id}"
        await self.agent.publish_stream(subject, payload, msg_id=uuid7())

    async def foreign(self, body: Any, kind: str = "metric", project: str = "default", **headers: str) -> None:
        """What `nats pub hw.ext.<project>.<kind> <body>` does."""
        payload = body if isinstance(body, bytes) else msgspec.json.encode(body)
        named = {key.replace("_", "-"): value for key, value in headers.items()} or None
        await self.outside.publish(f"hw.ext.{project}.{kind}", payload, named)

    async def next_dead(self, timeout: float = 10.0) -> DeadLetter:
        await eventually(lambda: self.dead, timeout, what="a dead letter")
        return self.dead.pop(0)

    async def points(self, run_id: str, key: str, **fields: Any) -> list[tuple[int, float]]:
        answer = await self.call("GetMetricHistory", run_id=run_id, key=key, **fields)
        return [(point.step, point.value) for point in answer.points]

    async def stored(self) -> int:
        return await self.database.fetchval("SELECT count(*) FROM points")


def nested_of(run_id: str, task: str) -> str:
    """How anybody computes the id of a nested run."""
    return str(uuid.uuid5(uuid.UUID(run_id), task))


@pytest_asyncio.fixture
async def tracking(
    serve: Callable[..., Awaitable[Callable[[str], Any]]], service_kit: Builder, bus: NatsServer
) -> AsyncIterator[Tracking]:
    client = (await serve("tracking"))("tracking")
    scheduler, agent, outside, infra = await asyncio.gather(
        *map(bus.connect, ("scheduler", "executor", "gateway", "infra"))
    )
    made = Tracking(client, service_kit.kits[0].database, scheduler, agent, outside)

    async def bury(msg: Any) -> None:
        made.dead.append(DeadLetter(msg.headers["hw-original-subject"], msg.headers["hw-error"], msg.data))

    async def hear(msg: Any) -> None:
        made.told.append((msg.subject, msgspec.json.decode(msg.data)))

    await infra.subscribe("hw.dlq.tracking.>", bury)
    for entity in ("experiment", "tracked_run"):
        await infra.subscribe(f"hw.evt.v1.*.{entity}.>", hear)
    await infra.nc.flush()
    yield made
