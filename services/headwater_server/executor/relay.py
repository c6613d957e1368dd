"""A worker in any language over one gRPC stream: its session, its tasks, its completions, carried to bus and scheduler.

The session lives as long as the stream. Whatever the worker held then is handed out again.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from google.protobuf import json_format
from nats.aio.msg import Msg

from headwater.api.executor.v1 import executor_pb2 as pb
from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.executor.held import Holding
from headwater_server.kit import exact
from headwater_server.kit.bus import Subscription
from headwater_server.kit.clock import now, to_datetime
from headwater_server.kit.consumer import dead_letter
from headwater_server.kit.errors import (
    Aborted,
    DeadlineExceeded,
    FailedPrecondition,
    Internal,
    InvalidArgument,
    PermissionDenied,
    ResourceExhausted,
    ServiceError,
    Unavailable,
)
from headwater_server.kit.hints import shown
from headwater_server.kit.ids import subject_token
from headwater_server.kit.pull import Puller
from headwater_server.kit.rpc import Call
from headwater_server.kit.service import ServiceKit

# The scheduler may answer otherwise in a moment.
PASSING = (Unavailable, DeadlineExceeded, Aborted, Internal, ResourceExhausted)
LONGEST_PAUSE = 2.0
# An assignment that waited longer, or came before, is asked for with a claim.
FRESH = 10.0
COMPLETIONS = 64
# A completion that came just before the stream broke gets this long (seconds).
LAST_WORDS = 5.0
DEFAULT_POOL = "default"


async def serve(kit: ServiceKit, requests: AsyncIterator[pb.WorkRequest], call: Call) -> AsyncIterator[pb.WorkResponse]:
    """The whole life of a stream."""
    if call.project != "*":
        text = f"{call.actor.name} may act in project {call.project!r} only, and a pool serves all"
        raise PermissionDenied(text, reason="PROJECT", hint="Use a token of a worker for every project.")
    request = await _opening(requests)
    await _probe(kit, request.pool)
    session = await kit.client("scheduler").OpenSession(request, on_behalf=call.identity, traceparent=call.traceparent)
    relay = Relay(kit, call, request, session)
    try:
        await relay.start(session)
        async for response in relay.responses(requests):
            yield response
    finally:
        await asyncio.shield(asyncio.ensure_future(relay.stop()))


async def _opening(requests: AsyncIterator[pb.WorkRequest]) -> scheduler_pb2.OpenSessionRequest:
    first = await anext(aiter(requests), None)
    if first is None or first.WhichOneof("message") != "open":
        raise InvalidArgument("open: the first message opens a session", field="open", hint="send open first")
    request = first.open
    request.pool = request.pool or DEFAULT_POOL
    if subject_token(request.pool) != request.pool:
        raise InvalidArgument(f"open.pool: {shown(request.pool)} is no name of a pool", field="open.pool")
    if not 1 <= request.slots <= 1024:
        raise InvalidArgument(f"open.slots: {request.slots} is not between 1 and 1024", field="open.slots")
    return request


async def _probe(kit: ServiceKit, pool: str) -> None:
    """Asks the pool's consumer for something that it refuses: where nobody refuses, the pool cannot be served."""
    try:
        await kit.bus.request(f"$JS.API.CONSUMER.MSG.NEXT.HW_TASKS.pool-{pool}", b"{")
    except (PermissionDenied, Unavailable) as error:
        if error.reason not in ("BUS_PERMISSION", "NO_RESPONDERS"):
            raise
        text = f"open.pool: this server does not serve pool {pool!r} over gRPC"
        hint = f'Add the consumer "HW_TASKS/pool-{pool}" to the executor\'s grants.'
        raise FailedPrecondition(text, field="open.pool", reason="POOL", hint=hint) from None


class Relay:
    def __init__(self, kit: ServiceKit, call: Call, opened: scheduler_pb2.OpenSessionRequest, session: Any) -> None:
        self._kit, self._call, self._pool, self._session = kit, call, opened.pool, session.session_id
        self._scheduler = kit.client("scheduler")
        self._loop = asyncio.get_running_loop()
        self._holding = Holding(opened.slots, 2 * session.heartbeat_interval)
        self._out: asyncio.Queue[pb.WorkResponse | BaseException | None] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._completing: set[asyncio.Task[None]] = set()
        self._completions = asyncio.Semaphore(COMPLETIONS)
        self._control: Subscription | None = None
        self._puller = Puller(kit.bus, "HW_TASKS", f"pool-{self._pool}", self._deliver, lambda: self._holding.free)

    async def start(self, opened: scheduler_pb2.OpenSessionResponse) -> None:
        self._out.put_nowait(pb.WorkResponse(opened=opened))
        subject = f"hw.ctl.v1.{self._pool}.{self._session}"
        self._control = await self._kit.bus.subscribe(subject, self._on_control, concurrency=1)
        await self._puller.start()

    async def responses(self, requests: AsyncIterator[pb.WorkRequest]) -> AsyncIterator[pb.WorkResponse]:
        self._spawn(self._read(requests))
        while (item := await self._out.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    async def stop(self) -> None:
        """Nothing more is taken. Completions that have come are still delivered; what else the worker held is the
        scheduler's to hand out again."""
        await self._puller.stop()
        if self._control is not None:
            await self._control.stop()
        if self._completing:
            await asyncio.wait(self._completing, timeout=LAST_WORDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            request = scheduler_pb2.CloseSessionRequest(session_id=self._session)
            await self._scheduler.CloseSession(request, on_behalf=self._call.identity)
        except ServiceError as error:
            self._kit.log.info("session left to its lease", session=self._session, error=str(error))

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        async def run() -> None:
            try:
                await work
            except Exception as error:
                self._out.put_nowait(error)

        task = asyncio.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # From the worker

    async def _read(self, requests: AsyncIterator[pb.WorkRequest]) -> None:
        async for request in requests:
            kind = request.WhichOneof("message")
            if kind == "complete":
                await self._completions.acquire()
                task = self._spawn(self._complete(request.complete))
                self._completing.add(task)
                task.add_done_callback(self._completing.discard)
            elif kind == "heartbeat":
                await self._heartbeat(request.heartbeat)
            else:
                text = "open: the session is open already" if kind == "open" else "message: it is empty"
                raise InvalidArgument(text, field=kind or "message", hint="send complete or heartbeat")
        if self._completing:
            await asyncio.wait(self._completing)
        self._out.put_nowait(None)

    async def _heartbeat(self, beat: scheduler_pb2.Heartbeat) -> None:
        beat.session_id = self._session
        beat.free = max(0, min(beat.free, self._holding.free))
        held = self._holding.heartbeat(beat.held, self._loop.time())
        del beat.held[:]
        beat.held.extend(held)
        payload = json_format.MessageToJson(beat, indent=None).encode()
        await self._kit.bus.publish(f"hw.hb.v1.{self._pool}.{self._session}", payload)

    async def _complete(self, request: scheduler_pb2.CompleteTaskRequest) -> None:
        """Repeats until the scheduler has decided. Its refusal of a malformed request ends the stream."""
        request.session_id = self._session
        self._holding.complete(request.key, request.attempt)
        try:
            answer = await self._decided(request)
        finally:
            self._completions.release()
        self._holding.drop(request.key, request.attempt)
        completed = pb.WorkCompletion(key=request.key, attempt=request.attempt, disposition=answer.disposition)
        self._out.put_nowait(pb.WorkResponse(completed=completed))
        if answer.HasField("next"):
            self._give(answer.next)
        self._puller.wake()

    async def _decided(self, request: scheduler_pb2.CompleteTaskRequest) -> scheduler_pb2.CompleteTaskResponse:
        pause = 0.02
        while True:
            try:
                return await self._scheduler.CompleteTask(
                    request, on_behalf=self._call.identity, traceparent=request.traceparent
                )
            except PASSING as error:
                self._kit.log.info("completion waits", session=self._session, error=str(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    # To the worker

    async def _deliver(self, msg: Msg) -> None:
        self._holding.arriving += 1
        self._spawn(self._take(msg))

    async def _take(self, msg: Msg) -> None:
        try:
            task = await self._assignment(msg)
            if task is not None and (self._is_fresh(msg, task) or await self._claimed(task)):
                self._give(task)
        finally:
            self._holding.arriving -= 1
            self._puller.wake()

    async def _assignment(self, msg: Msg) -> scheduler_pb2.TaskAssignment | None:
        """The task in a message, which is acknowledged; None: it is none, and becomes a dead letter."""
        try:
            task = exact.parse_text(msg.data, scheduler_pb2.TaskAssignment(), ignore_unknown=True)
        except (json_format.ParseError, UnicodeDecodeError) as error:
            await dead_letter(self._kit, msg, f"not a TaskAssignment: {error}")
            return None
        await msg.ack()
        return task

    def _is_fresh(self, msg: Msg, task: scheduler_pb2.TaskAssignment) -> bool:
        age = (now() - to_datetime(task.dispatched_at)).total_seconds()
        return msg.metadata.num_delivered == 1 and age < FRESH

    async def _claimed(self, task: scheduler_pb2.TaskAssignment) -> bool:
        request = scheduler_pb2.ClaimTaskRequest(key=task.key, attempt=task.attempt, session_id=self._session)
        try:
            return (await self._scheduler.ClaimTask(request, on_behalf=self._call.identity)).granted
        except ServiceError as error:
            self._kit.log.info("task left to the scheduler", task=str(task.key), error=str(error))
            return False

    def _give(self, task: scheduler_pb2.TaskAssignment) -> None:
        self._holding.give(task, self._loop.time())
        self._out.put_nowait(pb.WorkResponse(task=task))

    async def _on_control(self, msg: Msg) -> None:
        with contextlib.suppress(json_format.ParseError, UnicodeDecodeError):
            control = exact.parse_text(msg.data, scheduler_pb2.Control(), ignore_unknown=True)
            for held in control.cancel:
                self._holding.drop(held.key, held.attempt)
            for task in control.run:
                self._give(task)
            del control.run[:]
            if control.cancel or control.reopen:
                self._out.put_nowait(pb.WorkResponse(control=control))
            self._puller.wake()
