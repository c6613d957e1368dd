"""Claiming and completing attempts: asked again until the scheduler has given a definitive answer."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from headwater_server.executor.node import outcomes, wire
from headwater_server.executor.node.attempt import Attempt
from headwater_server.executor.node.commands import PASSING, Commands, Pauses, why
from headwater_server.executor.node.wire import Assignment
from headwater_server.kit.errors import FailedPrecondition, Internal, NotFound, PermissionDenied, ServiceError

log = structlog.get_logger("worker.completion")
_DEFINITIVE = ("DISPOSITION_ACCEPTED", "DISPOSITION_ALREADY", "DISPOSITION_STALE")
# So often may the scheduler stumble over one and the same result before the result is to blame.
_STUMBLES = 10


class Completer:
    """session() is the id of the session as of now."""

    def __init__(self, commands: Commands, session: Callable[[], str]) -> None:
        self._commands, self._session = commands, session

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

    async def complete(
        self, attempt: Attempt, outcome: dict[str, Any], *, want_next: Callable[[], bool]
    ) -> Assignment | None:
        """Returns the task to go on with, if the scheduler has one for this slot."""
        task, pauses, stumbles, began = attempt.task, Pauses(), 0, time.time_ns()
        while True:
            try:
                reply = await self._ask(attempt, outcome, want_next())
                break
            except (*PASSING, PermissionDenied) as error:
                log.warning("completion waits", task=task.name, error=str(error))
                stumbles += isinstance(error, Internal)
                if stumbles > 2 * _STUMBLES:
                    return None
                if stumbles == _STUMBLES:
                    outcome = _refused(outcome, error)
            except (NotFound, FailedPrecondition) as error:
                log.info("completion not wanted", task=task.name, error=str(error))
                return None
            except ServiceError as error:
                log.error("completion refused", task=task.name, error=str(error))
                if "failure" in outcome:
                    return None
                outcome = _refused(outcome, error)
                continue
            await pauses.wait()
        attempt.span.set("hw.disposition", reply.disposition)
        if attempt.node.tracer.enabled:
            attempt.node.tracer.start("complete", attempt.span.traceparent, kind="client", at=began).end()
        return _next(task, reply)

    async def _ask(self, attempt: Attempt, outcome: dict[str, Any], want_next: bool) -> wire.CompleteReply:
        body = wire.complete_request(
            attempt.task,
            self._session(),
            outcome,
            attempt.started_at,
            want_next=want_next,
            traceparent=attempt.span.traceparent,
        )
        data = await self._commands.once("scheduler", "complete_task", body, attempt.span.traceparent)
        try:
            reply = msgspec.json.decode(data, type=wire.CompleteReply)
        except msgspec.MsgspecError as error:
            raise Internal(f"the scheduler's answer cannot be read: {error}") from None
        if reply.disposition not in _DEFINITIVE:
            raise Internal(f"the scheduler's answer {reply.disposition!r} is not definitive")
        return reply


def _refused(outcome: dict[str, Any], error: ServiceError) -> dict[str, Any]:
    if "failure" in outcome:
        return outcome
    problem = outcomes.failure("USER_ERROR", f"the result was refused: {why(error)}", retryable=False)
    return {"failure": problem}


def _next(task: Assignment, reply: wire.CompleteReply) -> Assignment | None:
    if reply.disposition == "DISPOSITION_STALE":
        log.info("result discarded: a newer attempt exists", task=task.name)
    following = bytes(reply.next)
    if following in (b"", b"null"):
        return None
    try:
        return wire.read_assignment(following)
    except msgspec.MsgspecError as error:
        log.error("next task not understood", after=task.name, error=str(error))
        return None
