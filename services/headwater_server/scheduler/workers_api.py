"""The RPCs of workers: sessions, claims, completions. Each hot one exists twice: gRPC's messages, and JSON for the bus.
No SQL here."""

import asyncio
import uuid
from typing import Any

import msgspec
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message

from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.kit import exact
from headwater_server.kit.errors import InvalidArgument, ServiceError
from headwater_server.kit.rpc import Call
from headwater_server.scheduler import wire
from headwater_server.scheduler.completions import Completions
from headwater_server.scheduler.keys import Key
from headwater_server.scheduler.results import Results
from headwater_server.scheduler.sessions import Has, Sessions
from headwater_server.scheduler.settlement import Completion


class WorkersApi:
    """Part of the scheduler's servicer."""

    def __init__(self, sessions: Sessions, completions: Completions, results: Results) -> None:
        self._sessions, self._completions, self._results = sessions, completions, results

    async def check_attempt(self, request: pb.CheckAttemptRequest, call: Call) -> pb.CheckAttemptResponse:
        key = await self._sessions.parse_key(MessageToDict(request.key))
        return pb.CheckAttemptResponse(live=await self._sessions.live(key, request.attempt))

    async def open_session(self, request: pb.OpenSessionRequest, call: Call) -> pb.OpenSessionResponse:
        session = await self._sessions.open(
            request.pool or "default",
            request.name,
            request.slots,
            dict(request.labels),
            request.address,
            Has(request.gpus, request.memory_mb, request.cpus, request.gang_slots),
        )
        return pb.OpenSessionResponse(session_id=session, heartbeat_interval=self._sessions.beat)

    async def close_session(self, request: pb.CloseSessionRequest, call: Call) -> pb.CloseSessionResponse:
        await self._sessions.close(_session(request.session_id), request.lost)
        return pb.CloseSessionResponse()

    async def claim_task(self, request: pb.ClaimTaskRequest, call: Call) -> pb.ClaimTaskResponse:
        return ParseDict(await self._claim(_converted(request, wire.Claim)), pb.ClaimTaskResponse())

    async def claim_task_json(self, payload: bytes, call: Call) -> bytes:
        return msgspec.json.encode(await self._claim(wire.decode(payload, wire.Claim)))

    async def _claim(self, claim: wire.Claim) -> dict[str, Any]:
        key = await self._key(claim.key)
        granted = await self._sessions.claim(key, claim.attempt, _session(claim.session_id))
        address = await self._sessions.main_address(key) if granted else ""
        return {"granted": granted} | ({"mainAddress": address} if address else {})

    async def complete_task(self, request: pb.CompleteTaskRequest, call: Call) -> pb.CompleteTaskResponse:
        return exact.parse(await self._complete(_converted(request, wire.Complete)), pb.CompleteTaskResponse())

    async def complete_task_json(self, payload: bytes, call: Call) -> bytes:
        return msgspec.json.encode(await self._complete(wire.decode(payload, wire.Complete)))

    async def _complete(self, done: wire.Complete) -> dict[str, Any]:
        if (done.success is None) == (done.failure is None):
            hint = "say how the attempt ended: one of the two"
            raise InvalidArgument("give either success or failure", field="success", hint=hint)
        success = done.success or wire.Success()
        settled = await self._completions.complete(
            Completion(
                key=await self._key(done.key),
                attempt=done.attempt,
                session_id=_session(done.session_id) if done.session_id else None,
                result=success.manifest(),
                foreach_width=success.foreach_width,
                chosen=tuple(success.next),
                failure=done.failure.body() if done.failure else None,
                started_at=done.started_at,
                want_next=done.want_next,
                want_more=done.want_more,
                traceparent=done.traceparent,
            )
        )
        answer: dict[str, Any] = {"disposition": settled.disposition}
        if settled.next is not None:
            answer["next"] = settled.next
        if settled.more:
            answer["more"] = settled.more
        if settled.others_wait:
            answer["othersWait"] = True
        return answer

    async def complete_tasks(self, request: pb.CompleteTasksRequest, call: Call) -> pb.CompleteTasksResponse:
        many = _converted(request, wire.CompleteMany)
        return exact.parse(await self._complete_many(many), pb.CompleteTasksResponse())

    async def complete_tasks_json(self, payload: bytes, call: Call) -> bytes:
        return msgspec.json.encode(await self._complete_many(wire.decode(payload, wire.CompleteMany)))

    async def _complete_many(self, many: wire.CompleteMany) -> dict[str, Any]:
        if many.unbegun:
            held = [(await self._key(item.key), item.attempt) for item in many.unbegun]
            await self._sessions.give_back(_session(many.session_id), held)
        for done in many.completions:
            done.session_id = done.session_id or many.session_id
        answers = await asyncio.gather(*(self._answer(done) for done in many.completions))
        return {"answers": answers}

    async def _answer(self, done: wire.Complete) -> dict[str, Any]:
        """One refused completion holds up no other of its message."""
        try:
            return await self._complete(done)
        except ServiceError:
            return {}

    async def list_task_results(self, request: pb.ListTaskResultsRequest, call: Call) -> pb.ListTaskResultsResponse:
        return ParseDict(await self._list_results(_converted(request, wire.Results)), pb.ListTaskResultsResponse())

    async def list_task_results_json(self, payload: bytes, call: Call) -> bytes:
        return msgspec.json.encode(await self._list_results(wire.decode(payload, wire.Results)))

    async def _list_results(self, asked: wire.Results) -> dict[str, Any]:
        found = await self._results.of_join(await self._key(asked.key), asked.offset, asked.limit)
        return {"results": [item.json() for item in found]}

    async def _key(self, key: wire.Key) -> Key:
        body = {"runId": key.run_id, "step": key.step, "path": key.path, "index": key.index}
        return await self._sessions.parse_key(body)


def _session(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        hint = "the one that OpenSession returned"
        raise InvalidArgument(f"session_id: {text!r} is no session", field="session_id", hint=hint) from None


def _converted(request: Message, kind: type[wire.T]) -> wire.T:
    return wire.convert(MessageToDict(request), kind)
