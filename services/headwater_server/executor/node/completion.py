"""Claiming and completing attempts: asked again until the scheduler has given a definitive answer.

Completions whose slot has other work share a message: gathered for a moment, sent with the first that is urgent.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from headwater_server.executor.node import outcomes, wire
from headwater_server.executor.node.attempt import Attempt
from headwater_server.executor.node.commands import PASSING, Commands, Pauses, why
from headwater_server.executor.node.wire import Assignment, Held
from headwater_server.kit.errors import FailedPrecondition, Internal, NotFound, PermissionDenied, ServiceError

log = structlog.get_logger("worker.completion")
_DEFINITIVE = ("DISPOSITION_ACCEPTED", "DISPOSITION_ALREADY", "DISPOSITION_STALE")
# So often may the scheduler stumble over one and the same result before the result is to blame.
_STUMBLES = 10
# Completions that can wait do so for so long (seconds), or until so many are there.
LINGER = 0.15
GATHERED = 32


@dataclass
class Want:
    """What a slot would run next: the task that follows, and `more` branches of its foreach after that."""

    next: bool = False
    more: int = 0


@dataclass
class Following:
    """What the scheduler has for the slot, and whether it wants back what the slot has not begun."""

    tasks: list[Assignment] = field(default_factory=list)
    others_wait: bool = False


@dataclass
class _Gathering:
    bodies: list[bytes] = field(default_factory=list)
    futures: list["asyncio.Future[bytes | None]"] = field(default_factory=list)


class Completer:
    """session() is the id of the session as of now."""

    def __init__(self, commands: Commands, session: Callable[[], str]) -> None:
        self._commands, self._session = commands, session
        self._gathering = _Gathering()
        self._timer: asyncio.TimerHandle | None = None
        self._sending: set[asyncio.Task[None]] = set()

    async def claim(self, task: Assignment) -> bool:
        """Is the attempt still ours to run? A member of a gang learns where the first one is."""
        pauses = Pauses()
        while True:
            body = {"key": task.key, "attempt": task.attempt, "sessionId": self._session()}
            try:
                data = await self._commands.once("scheduler", "claim_task", msgspec.json.encode(body), task.traceparent)
                reply = msgspec.json.decode(data, type=wire.ClaimReply)
                task.main_address = reply.main_address
                if not reply.granted or reply.main_address or not task.in_gang:
                    return reply.granted
            except (*PASSING, PermissionDenied) as error:
                log.warning("claim waits", task=task.name, error=str(error))
            except ServiceError as error:
                log.error("claim refused", task=task.name, error=str(error))
                return False
            await pauses.wait()

    async def give_back(self, attempts: list[Held]) -> None:
        """Tells the scheduler, once: what it does not hear, it finds out by the next heartbeats."""
        body = msgspec.json.encode({"sessionId": self._session(), "unbegun": attempts})
        try:
            await self._commands.once("scheduler", "complete_tasks", body)
        except ServiceError as error:
            log.info("tasks not given back", tasks=len(attempts), error=str(error))

    async def complete(
        self, attempt: Attempt, outcome: dict[str, Any], want: Callable[[], Want], *, urgent: bool = True
    ) -> Following:
        """Returns what to go on with. urgent: the slot waits for it."""
        task, pauses, stumbles, began = attempt.task, Pauses(), 0, time.time_ns()
        while True:
            try:
                reply = await self._ask(attempt, outcome, want(), urgent)
                break
            except (*PASSING, PermissionDenied) as error:
                log.warning("completion waits", task=task.name, error=str(error))
                stumbles += isinstance(error, Internal)
                if stumbles > 2 * _STUMBLES:
                    return Following()
                if stumbles == _STUMBLES:
                    outcome = _refused(outcome, error)
            except (NotFound, FailedPrecondition) as error:
                log.info("completion not wanted", task=task.name, error=str(error))
                return Following()
            except ServiceError as error:
                log.error("completion refused", task=task.name, error=str(error))
                if "failure" in outcome:
                    return Following()
                outcome = _refused(outcome, error)
                continue
            await pauses.wait()
        attempt.span.set("hw.disposition", reply.disposition)
        if attempt.node.tracer.enabled:
            attempt.node.tracer.start("complete", attempt.span.traceparent, kind="client", at=began).end()
        return Following(_following(task, reply), reply.others_wait)

    async def _ask(self, attempt: Attempt, outcome: dict[str, Any], want: Want, urgent: bool) -> wire.CompleteReply:
        body = wire.complete_request(
            attempt.task,
            self._session(),
            outcome,
            attempt.started_at,
            want_next=want.next,
            want_more=want.more,
            traceparent=attempt.span.traceparent,
        )
        data = None
        if not urgent or self._gathering.bodies:
            data = await self._together(body, urgent)
        if data is None:
            data = await self._commands.once("scheduler", "complete_task", body, attempt.span.traceparent)
        try:
            reply = msgspec.json.decode(data, type=wire.CompleteReply)
        except msgspec.MsgspecError as error:
            raise Internal(f"the scheduler's answer cannot be read: {error}") from None
        if reply.disposition not in _DEFINITIVE:
            raise Internal(f"the scheduler's answer {reply.disposition!r} is not definitive")
        return reply

    # Several in one message

    async def _together(self, body: bytes, urgent: bool) -> bytes | None:
        """The scheduler's answer, or None: to be asked for alone."""
        gathering, future = self._gathering, asyncio.get_running_loop().create_future()
        gathering.bodies.append(body)
        gathering.futures.append(future)
        if urgent or len(gathering.bodies) >= GATHERED:
            self._send_gathered()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LINGER, self._send_gathered)
        return await future

    def _send_gathered(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        gathering, self._gathering = self._gathering, _Gathering()
        if gathering.bodies:
            sending = asyncio.create_task(self._send(gathering))
            self._sending.add(sending)
            sending.add_done_callback(self._sending.discard)

    async def _send(self, gathering: _Gathering) -> None:
        body = b'{"completions":[' + b",".join(gathering.bodies) + b"]}"
        answers: list[msgspec.Raw] = []
        try:
            data = await self._commands.once("scheduler", "complete_tasks", body)
            answers = msgspec.json.decode(data, type=wire.CompleteReplies).answers
        except (ServiceError, msgspec.MsgspecError) as error:
            log.info("completions go one by one", completions=len(gathering.bodies), error=str(error))
        for number, future in enumerate(gathering.futures):
            answer = bytes(answers[number]) if number < len(answers) else b"{}"
            if not future.done():
                future.set_result(None if answer == b"{}" else answer)


def _refused(outcome: dict[str, Any], error: ServiceError) -> dict[str, Any]:
    if "failure" in outcome:
        return outcome
    problem = outcomes.failure("USER_ERROR", f"the result was refused: {why(error)}", retryable=False)
    return {"failure": problem}


def _following(task: Assignment, reply: wire.CompleteReply) -> list[Assignment]:
    if reply.disposition == "DISPOSITION_STALE":
        log.info("result discarded: a newer attempt exists", task=task.name)
    found: list[Assignment] = []
    for raw in (reply.next, *reply.more):
        following = bytes(raw)
        if following in (b"", b"null"):
            continue
        try:
            found.append(wire.read_assignment(following))
        except msgspec.MsgspecError as error:
            log.error("next task not understood", after=task.name, error=str(error))
    return found
