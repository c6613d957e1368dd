"""A worker over gRPC against a real bus: its session, what it is given, how its completions and signals travel."""

import asyncio
import json
from types import SimpleNamespace

import grpc
import grpc.aio
import msgspec
import pytest
import pytest_asyncio
from google.protobuf import json_format

from headwater.api.common.v1 import common_pb2
from headwater.api.executor.v1 import executor_pb2 as pb
from headwater.api.executor.v1 import executor_pb2_grpc
from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.kit.auth import Actor, Identity, encode_identity, service_token
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import InvalidArgument, Unavailable
from headwater_server.kit.grpc_server import from_grpc
from headwater_server.kit.ids import uuid7
from tests.harness.fixtures import INTERNAL_KEY
from tests.integration.standin import Servicer, stand_in

WORKER = Identity(Actor("user", "java"), "worker")
ACCEPTED = scheduler_pb2.DISPOSITION_ACCEPTED


class Scheduler(Servicer):
    def __init__(self):
        self.opened, self.closed, self.completed, self.claims = [], [], [], []
        self.answers = []
        self.grant = True

    async def open_session(self, request, call):
        self.opened.append((request.pool, request.slots, call.actor.name, call.role))
        return scheduler_pb2.OpenSessionResponse(session_id="s1", heartbeat_interval=5)

    async def close_session(self, request, call):
        self.closed.append(request.session_id)
        return scheduler_pb2.CloseSessionResponse()

    async def claim_task(self, request, call):
        self.claims.append((request.key.step, request.session_id))
        return scheduler_pb2.ClaimTaskResponse(granted=self.grant)

    async def complete_task(self, request, call):
        answer = self.answers.pop(0) if self.answers else scheduler_pb2.CompleteTaskResponse(disposition=ACCEPTED)
        if isinstance(answer, Exception):
            raise answer
        self.completed.append((request.key.step, request.attempt, request.session_id))
        return answer


class Worker:
    """The client's end of a stream."""

    def __init__(self, call):
        self.call = call

    async def send(self, **message):
        await self.call.write(pb.WorkRequest(**message))

    async def next(self, kind, timeout=5):
        answer = await asyncio.wait_for(self.call.read(), timeout)
        assert answer is not grpc.aio.EOF and answer.WhichOneof("message") == kind, answer
        return getattr(answer, kind)

    async def failure(self):
        """How the stream ended, as the server's error."""
        try:
            while await asyncio.wait_for(self.call.read(), 5) is not grpc.aio.EOF:
                pass
        except grpc.aio.AioRpcError as error:
            return from_grpc(error)
        raise AssertionError("the stream ended well")

    async def open(self, slots=2, pool="default"):
        await self.send(open=scheduler_pb2.OpenSessionRequest(pool=pool, name="java", slots=slots))
        return await self.next("opened")

    async def complete(self, step, attempt=1, **more):
        success = scheduler_pb2.Success(result=b"{}")
        key = common_pb2.TaskKey(run_id="r", step=step)
        await self.send(complete=scheduler_pb2.CompleteTaskRequest(key=key, attempt=attempt, success=success, **more))


def task(step, attempt=1):
    key = common_pb2.TaskKey(run_id="r", step=step)
    return scheduler_pb2.TaskAssignment(key=key, attempt=attempt, project="default", dispatched_at=timestamp())


@pytest_asyncio.fixture
async def world(serve, service_kit, bus):
    """The executor, its scheduler, and the buses of a scheduler and of an operator."""
    scheduler = Scheduler()
    async with stand_in("scheduler", scheduler) as address:
        await serve("executor", scheduler_address=address)
        async with grpc.aio.insecure_channel(service_kit.address) as channel:
            stub = executor_pb2_grpc.ExecutorServiceStub(channel)
            published = await bus.connect("scheduler")

            def connect(identity=WORKER):
                token = f"Bearer {service_token(INTERNAL_KEY, 'gateway')}"
                metadata = (("authorization", token), ("hw-on-behalf", encode_identity(identity)))
                return Worker(stub.Work(metadata=metadata))

            async def dispatch(*tasks, raw=None):
                for each in tasks:
                    payload = raw or json_format.MessageToJson(each).encode()
                    await published.publish_stream("hw.task.v1.default", payload, msg_id=uuid7())

            async def left():
                """Messages that nobody has taken."""
                infra = await bus.connect("infra")
                info = msgspec.json.decode((await infra.request("$JS.API.STREAM.INFO.HW_TASKS", b"")).data)
                return info["state"]["messages"]

            yield SimpleNamespace(
                scheduler=scheduler, connect=connect, dispatch=dispatch, left=left, bus=published,
                kit=service_kit.kits[-1],
            )  # fmt: skip


async def test_a_task_is_given_completed_and_the_session_ends_with_the_stream(world):
    await world.dispatch(task("before"))  # waits for a worker
    worker = world.connect()
    assert (await worker.open()).session_id == "s1"
    assert world.scheduler.opened == [("default", 2, "java", "worker")]
    assert (await worker.next("task")).key.step == "before"
    await worker.complete("before")
    done = await worker.next("completed")
    assert (done.key.step, done.attempt, done.disposition) == ("before", 1, ACCEPTED)
    assert world.scheduler.completed == [("before", 1, "s1")]
    assert world.scheduler.claims == []  # a fresh first delivery needs none
    await worker.call.done_writing()
    assert await worker.call.read() is grpc.aio.EOF
    assert world.scheduler.closed == ["s1"] and await world.left() == 0


async def test_no_more_tasks_than_slots(world):
    worker = world.connect()
    await worker.open(slots=2)
    await world.dispatch(*(task(f"t{n}") for n in range(5)))
    got = [(await worker.next("task")).key.step for _ in range(2)]
    assert await world.left() == 3
    for _ in range(3):
        await worker.complete(got.pop(0))
        await worker.next("completed")
        got.append((await worker.next("task")).key.step)
    assert await world.left() == 0


async def test_the_next_task_comes_with_a_completion_and_takes_its_slot(world):
    answer = scheduler_pb2.CompleteTaskResponse(disposition=ACCEPTED, next=task("second"))
    world.scheduler.answers.append(answer)
    worker = world.connect()
    await worker.open(slots=1)
    await world.dispatch(task("first"), task("other"))
    assert (await worker.next("task")).key.step == "first"
    await worker.complete("first", want_next=True)
    await worker.next("completed")
    assert (await worker.next("task")).key.step == "second"
    assert await world.left() == 1  # "other" waits for the slot
    await worker.complete("second")
    await worker.next("completed")
    assert (await worker.next("task")).key.step == "other"


async def test_a_completion_is_repeated_until_it_is_decided(world):
    world.scheduler.answers += [Unavailable("restarting"), Unavailable("restarting")]
    worker = world.connect()
    await worker.open()
    await worker.complete("a", attempt=3)
    assert (await worker.next("completed")).disposition == ACCEPTED
    assert world.scheduler.completed == [("a", 3, "s1")]


async def test_a_completion_that_came_before_the_stream_broke_is_delivered_first(world, eventually):
    world.scheduler.answers += [Unavailable("restarting")] * 3
    worker = world.connect()
    await worker.open()
    await worker.complete("a")
    await eventually(lambda: len(world.scheduler.answers) < 3)
    worker.call.cancel()
    await eventually(lambda: world.scheduler.closed)
    assert world.scheduler.completed == [("a", 1, "s1")]


async def test_a_completion_that_the_scheduler_refuses_ends_the_stream(world, eventually):
    world.scheduler.answers.append(InvalidArgument("success.result: too long", field="success.result"))
    worker = world.connect()
    await worker.open()
    await worker.complete("a")
    error = await worker.failure()
    assert isinstance(error, InvalidArgument) and error.field == "success.result"
    await eventually(lambda: world.scheduler.closed == ["s1"])


async def test_heartbeats_and_controls_are_carried(world, eventually):
    beats = []

    async def on_beat(msg):
        beats.append((msg.subject, json.loads(msg.data)))

    await world.bus.subscribe("hw.hb.v1.>", on_beat)
    worker = world.connect()
    await worker.open(slots=2)
    await world.dispatch(task("a"))
    await worker.next("task")
    await worker.send(heartbeat=scheduler_pb2.Heartbeat(session_id="of somebody else", free=7))
    await eventually(lambda: beats)
    subject, beat = beats[0]
    assert subject == "hw.hb.v1.default.s1" and beat["sessionId"] == "s1" and beat["free"] == 1
    assert beat["held"] == [{"key": {"runId": "r", "step": "a"}, "attempt": 1}]

    cancel = {"cancel": [{"key": {"runId": "r", "step": "a"}, "attempt": 1}]}
    await world.bus.publish("hw.ctl.v1.default.s1", json.dumps(cancel).encode())
    control = await worker.next("control")
    assert control.cancel[0].key.step == "a"
    await worker.send(heartbeat=scheduler_pb2.Heartbeat(free=2))
    await eventually(lambda: len(beats) == 2)
    assert beats[1][1]["free"] == 2 and "held" not in beats[1][1]


async def test_an_old_dispatch_is_claimed_first(world, eventually):
    old = task("old")
    old.dispatched_at.seconds -= 60
    world.scheduler.grant = False
    worker = world.connect()
    await worker.open()
    await world.dispatch(old, task("new"))
    assert (await worker.next("task")).key.step == "new"
    await eventually(lambda: world.scheduler.claims == [("old", "s1")])
    await worker.complete("new")
    await worker.next("completed")  # and no task before it


async def test_what_is_no_task_becomes_a_dead_letter(world, bus):
    worker = world.connect()
    await worker.open(slots=1)
    await world.dispatch(task("x"), raw=b"junk")
    await world.dispatch(task("good"))
    assert (await worker.next("task")).key.step == "good"
    gateway = await bus.connect("gateway")
    found = msgspec.json.decode((await gateway.request("$JS.API.STREAM.INFO.HW_DLQ", b"")).data)
    assert found["state"]["messages"] == 1


async def test_a_broken_stream_closes_the_session(world, eventually):
    worker = world.connect()
    await worker.open()
    worker.call.cancel()
    await eventually(lambda: world.scheduler.closed == ["s1"])
    await world.dispatch(task("a"))
    assert await world.left() == 1


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"heartbeat": scheduler_pb2.Heartbeat()}, "open"),
        ({"open": scheduler_pb2.OpenSessionRequest(slots=0)}, "open.slots"),
        ({"open": scheduler_pb2.OpenSessionRequest(slots=1, pool="a.b")}, "open.pool"),
        ({"open": scheduler_pb2.OpenSessionRequest(slots=1, pool="gpu")}, "open.pool"),
        ({}, "open"),
    ],
)
async def test_a_bad_opening_names_the_field(world, message, field):
    worker = world.connect()
    await worker.send(**message)
    assert (await worker.failure()).field == field
    assert world.scheduler.opened == []


async def test_only_workers_of_every_project_may(world):
    for identity, reason in (
        (Identity(Actor("user", "eve"), "admin"), "ROLE"),
        (Identity(Actor("user", "eve"), "worker", "default"), "PROJECT"),
    ):
        worker = world.connect(identity)
        assert (await worker.failure()).reason == reason
