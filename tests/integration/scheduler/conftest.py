"""A scheduler on real servers, and a worker of the tests: it speaks the three verbs over the bus, and its steps are
functions of the test."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from google.protobuf.json_format import ParseDict

from headwater.api.artifact.v1 import artifact_pb2, datasets_pb2
from headwater.api.scheduler.v1 import graph_pb2, scheduler_pb2
from headwater_server.kit.bus import Bus
from headwater_server.kit.errors import NotFound
from headwater_server.kit.pull import Puller
from tests.harness.fixtures import Builder
from tests.integration.standin import Servicer

PACKAGE = "ab" * 32
CODE = scheduler_pb2.Code(package=PACKAGE, entrypoint="flow.py", flow_class="F")


class Blobs(Servicer):
    """In place of the artifact service: knows one code package, and what `references` say of data."""

    def __init__(self) -> None:
        self.references: dict[str, str] = {}

    async def resolve_references(
        self, request: datasets_pb2.ResolveReferencesRequest, call: Any
    ) -> datasets_pb2.ResolveReferencesResponse:
        if unknown := [uri for uri in request.uris if uri not in self.references]:
            raise NotFound(f"version: no {unknown[0]}", hint="there is none yet", reason="DATASET_NOT_FOUND")
        return datasets_pb2.ResolveReferencesResponse(uris=[self.references[uri] for uri in request.uris])

    async def get_blob(self, request: artifact_pb2.GetBlobRequest, call: Any) -> artifact_pb2.GetBlobResponse:
        if request.digest != PACKAGE:
            raise NotFound(f"no blob {request.digest}")
        return artifact_pb2.GetBlobResponse()


def step(name: str, *targets: str, foreach: str = "", **more: Any) -> dict[str, Any]:
    kind = "FOREACH" if foreach else ("END", "LINEAR")[len(targets)] if len(targets) < 2 else "SPLIT"
    body = {"name": name, "transition": f"TRANSITION_{kind}", "next": list(targets), **more}
    return body | ({"foreach": foreach} if foreach else {})


def graph(*steps: dict[str, Any]) -> graph_pb2.Graph:
    return ParseDict({"flow": "F", "steps": list(steps), "start": "start", "end": "end"}, graph_pb2.Graph())


LINEAR = graph(step("start", "middle"), step("middle", "end"), step("end"))
FOREACH = graph(
    step("start", "work", foreach="items"), step("work", "join"), step("join", "end", joins="start"), step("end")
)
Outcome = dict[str, Any]
Behaviour = Callable[[dict[str, Any]], Outcome | Awaitable[Outcome | None] | None]


class Worker:
    """`behave(assignment)` returns the outcome, or None to keep the task without ever completing it."""

    def __init__(
        self, bus: Bus, behave: Behaviour, slots: int = 2, pool: str = "default", eager: bool = True, **has: Any
    ) -> None:
        self.has = has
        self.bus, self.behave, self.slots, self.pool, self.eager = bus, behave, slots, pool, eager
        self.session = ""
        self.seen: list[dict[str, Any]] = []
        self.held: list[dict[str, Any]] = []
        self.cancelled: list[dict[str, Any]] = []
        self._busy = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def request(self, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        reply = await self.bus.request(f"hw.cmd.v1.scheduler.{verb}", json.dumps(body).encode(), timeout=10)
        return json.loads(reply.data)

    async def start(self) -> "Worker":
        told = {"pool": self.pool, "name": "test", "slots": self.slots, **self.has}
        opened = await self.request("open_session", told)
        self.session = opened["sessionId"]
        await self.bus.subscribe(f"hw.ctl.v1.{self.pool}.{self.session}", self._control)
        self.puller = await Puller(
            self.bus, "HW_TASKS", f"pool-{self.pool}", self._receive, lambda: self.slots - self._busy
        ).start()
        if self.has:  # only who is heard of is given what others may not have
            await self.heartbeat()
        return self

    async def stop(self) -> None:
        await self.puller.stop()
        for task in self._tasks:
            task.cancel()
        await self.bus.close()

    async def heartbeat(self) -> None:
        body = {"sessionId": self.session, "free": self.slots - self._busy, "held": self.held}
        await self.bus.publish(f"hw.hb.v1.{self.pool}.{self.session}", json.dumps(body).encode())

    async def _control(self, msg: Any) -> None:
        told = json.loads(msg.data)
        self.cancelled += told.get("cancel", [])
        for assignment in told.get("run", []):
            self._begin(assignment)

    async def _receive(self, msg: Any) -> None:
        await msg.ack()
        self._begin(json.loads(msg.data))

    def _begin(self, assignment: dict[str, Any]) -> None:
        self._busy += 1
        self._tasks.add(asyncio.create_task(self._run(assignment)))

    async def _run(self, assignment: dict[str, Any] | None) -> None:
        while assignment is not None:
            self.seen.append(assignment)
            outcome = self.behave(assignment)
            if asyncio.iscoroutine(outcome):
                outcome = await outcome
            if outcome is None:
                self.held.append({"key": assignment["key"], "attempt": assignment["attempt"]})
                return
            assignment = (await self.complete(assignment, outcome)).get("next")
        self._busy -= 1
        self.puller.wake()

    async def complete(self, assignment: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
        body = {"key": assignment["key"], "attempt": assignment["attempt"], "sessionId": self.session}
        return await self.request("complete_task", body | outcome | {"wantNext": self.eager})


def success(result: str = "{}", **more: Any) -> Outcome:
    return {"success": {"result": base64.b64encode(result.encode()).decode(), **more}}


def failure(message: str = "boom", retryable: bool = True, code: str = "USER_ERROR") -> Outcome:
    return {"failure": {"code": code, "message": message, "retryable": retryable}}


def results_of(assignment: dict[str, Any]) -> list[str]:
    return [base64.b64decode(item["result"]).decode() for item in assignment.get("inputs", [])]


class Scheduler:
    def __init__(self, client: Callable[[str], Any], bus: Any, kit: Any) -> None:
        self.client, self._bus, self.kit = client("scheduler"), bus, kit
        self.data: dict[str, str] = {}
        self._workers: list[Worker] = []
        self._ids = itertools.count()

    async def worker(self, behave: Behaviour, **more: Any) -> Worker:
        identity = "worker-default" if more.get("pool", "default") == "default" else "infra"
        self._workers.append(await Worker(await self._bus.connect(identity), behave, **more).start())
        return self._workers[-1]

    async def start(self, shape: graph_pb2.Graph = LINEAR, **more: Any) -> str:
        request = scheduler_pb2.StartRunRequest(project="default", graph=shape, code=CODE, **more)
        return (await self.client.StartRun(request)).run.run_id

    async def run(self, run_id: str) -> scheduler_pb2.Run:
        return (await self.client.GetRun(scheduler_pb2.GetRunRequest(run_id=run_id, project="default"))).run

    async def tasks(self, run_id: str, **more: Any) -> list[scheduler_pb2.Task]:
        return list((await self.client.ListTasks(scheduler_pb2.ListTasksRequest(run_id=run_id, **more))).tasks)

    async def over(self, run_id: str) -> scheduler_pb2.Run | None:
        run = await self.run(run_id)
        return run if run.state != scheduler_pb2.RUN_STATE_RUNNING else None

    async def stop(self) -> None:
        for worker in self._workers:
            await worker.stop()


@pytest_asyncio.fixture
async def scheduler(service_kit: Builder, serve: Any, bus: Any) -> AsyncIterator[Callable[..., Awaitable[Scheduler]]]:
    made: list[Scheduler] = []

    async def start(**settings: Any) -> Scheduler:
        blobs = await service_kit("artifact", compose=False)
        servicer = Blobs()
        blobs.serve(artifact_pb2.DESCRIPTOR.services_by_name["ArtifactService"], servicer)
        client = await serve("scheduler", extra=[blobs], **settings)
        made.append(Scheduler(client, bus, service_kit.kits[-1]))
        made[-1].data = servicer.references
        return made[-1]

    yield start
    for scheduler in made:
        await scheduler.stop()


@pytest.fixture
def fast() -> dict[str, Any]:
    """Settings of a scheduler that notices lost workers soon."""
    return {"heartbeat_seconds": 0.2, "lease_seconds": 0.6}
