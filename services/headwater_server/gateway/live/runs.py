"""The stream of a run: how it stands, what happened, what its tasks say, and how it ended.

Follows first, then asks how the run stands, then reads what happened before: nothing falls between. Its ids are
"<sequence in HW_EVENTS>-<time of the newest log line>"; after a resume facts go on exactly, the last two seconds of log
lines may come twice. The scheduler's word counts: a final fact that never comes does not keep the stream open.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import msgspec
import structlog
from starlette.responses import Response

from headwater.api.executor.v1 import executor_pb2
from headwater.api.scheduler.v1 import scheduler_pb2 as pb
from headwater_server.gateway.edge import identify
from headwater_server.gateway.live.feed import Fact, Feed, Lines
from headwater_server.gateway.live.hub import FACTS, Hub, fact_of
from headwater_server.gateway.live.lines import Told
from headwater_server.gateway.live.past import Past
from headwater_server.gateway.live.sse import HEARTBEAT, EventStream, frame, position, read_position
from headwater_server.gateway.parameters import Parameters
from headwater_server.gateway.request import Request
from headwater_server.gateway.rest.writing import to_dict, to_json
from headwater_server.kit.clock import to_datetime
from headwater_server.kit.envelope import Envelope, MalformedEvent
from headwater_server.kit.errors import ServiceError, Unauthenticated
from headwater_server.kit.ids import subject_token
from headwater_server.kit.service import ServiceKit

log = structlog.get_logger("gateway.runs")
FINAL = (pb.RUN_STATE_SUCCEEDED, pb.RUN_STATE_FAILED, pb.RUN_STATE_CANCELLED)
_ENDS = frozenset(("run.succeeded", "run.failed", "run.cancelled"))
_WHOLE = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
HEARTBEAT_SECONDS = 10.0
# How often a quiet run is asked for; a token is checked again every so often.
ASK_SECONDS = (1.0, 2.0, 4.0, 5.0)
CHECK_SECONDS = 30.0
# Between the server that stamps the facts and the one that stamps the runs.
CLOCKS = timedelta(seconds=60)


class RunStreams:
    def __init__(self, kit: ServiceKit[Any], hub: Hub, past: Past) -> None:
        self._kit, self._hub, self._past = kit, hub, past

    async def stream(self, request: Request) -> Response:
        """GET /api/v1/runs/{run_id}/stream"""
        given = Parameters(request.query, "logs", "project")
        logs, project = given.boolean("logs"), given.text("project")
        resume = read_position(request.headers.get("last-event-id", ""))
        run_id = request.path["run_id"]
        held = AsyncExitStack()
        try:
            if not _WHOLE.match(run_id):
                run_id = (await self._get(request, run_id, project)).run_id
            feed, past = await held.enter_async_context(self._hub.follow_run(subject_token(run_id), logs=logs))
            run = await self._get(request, run_id, project)
        except BaseException:
            await held.aclose()
            raise
        follower = _Follower(self._kit, self._hub, self._past, request, run, feed, past, logs, resume)
        return EventStream(follower.frames(), feed.cut, held.aclose)

    async def _get(self, request: Request, run_id: str, project: str) -> pb.Run:
        return await get_run(self._kit, request, run_id, project)


async def get_run(kit: ServiceKit[Any], request: Request, run_id: str, project: str) -> pb.Run:
    message = pb.GetRunRequest(run_id=run_id, project=project)
    reply = await kit.client("scheduler").GetRun(message, on_behalf=request.identity, traceparent=request.traceparent)
    return reply.run


class _Follower:
    """One open stream."""

    def __init__(
        self, kit: ServiceKit[Any], hub: Hub, past: Past, request: Request, run: pb.Run, feed: Feed, end: int,
        logs: bool, resume: tuple[int, int] | None,
    ) -> None:  # fmt: skip
        self._kit, self._hub, self._past, self._request = kit, hub, past, request
        self._run, self._feed, self._end, self._logs = run, feed, end, logs
        self._seq, millis = resume or (0, 0)
        self._told = Told(millis)
        self._waiting_for = run.waiting_for
        self._connections = hub.connections

    async def frames(self) -> AsyncIterator[bytes]:
        yield self._state("snapshot")
        async for data in self._past_facts():
            yield data
        if self._logs:
            async for data in self._past_lines():
                yield data
        if self._run.state in FINAL:
            yield self._render(self._feed.take_now())[0]
            yield self._state("end")
            return
        async for data in self._live():
            yield data

    async def _live(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        asked, checked, said, missing = 0, loop.time(), loop.time(), False
        while True:
            pause = 0.5 if missing else min(ASK_SECONDS[min(asked, 3)], HEARTBEAT_SECONDS)
            items = await self._feed.take(pause)
            if self._feed.cut.is_set() or (self._logs and self._hub.connections != self._connections):
                return  # the client comes back with the id that it has
            data, ended = self._render(items)
            if not items:
                asked += 1
                data = await self._look()
                if self._run.state in FINAL:
                    ended, missing = missing, True
            if ended:
                await self._refresh()
                yield data + self._state("end")
                return
            if items:
                asked = 0
            if not data and loop.time() - said >= HEARTBEAT_SECONDS:
                data = HEARTBEAT
            if data:
                said = loop.time()
                yield data
            if loop.time() - checked >= CHECK_SECONDS:
                checked = loop.time()
                if not await still_welcome(self._kit, self._request):
                    return

    async def _look(self) -> bytes:
        """Asks how the run stands; a snapshot when it waits for something else than before."""
        try:
            await self._refresh()
        except ServiceError as error:
            log.info("cannot look at a run", run=self._run.run_id, error=error.message)
            return b""
        if self._run.waiting_for == self._waiting_for or self._run.state in FINAL:
            return b""
        self._waiting_for = self._run.waiting_for
        return self._state("snapshot")

    async def _refresh(self) -> None:
        self._run = await get_run(self._kit, self._request, self._run.run_id, self._run.project)

    def _state(self, event: str) -> bytes:
        return frame(event, to_json(self._run))

    async def _past_facts(self) -> AsyncIterator[bytes]:
        subject = f"hw.evt.v1.*.*.*.{subject_token(self._run.run_id)}"
        start = to_datetime(self._run.created_at) - CLOCKS if self._run.HasField("created_at") else None
        stored = self._past.read(FACTS, subject, after=self._seq, upto=self._end, start=None if self._seq else start)
        async for each in stored:
            try:
                event = Envelope.decode(
                    each.subject, each.headers, each.data, stream=FACTS, seq=each.seq, time=each.time
                )
            except MalformedEvent:
                continue
            if data := self._fact(fact_of(event, FACTS)):
                yield data

    async def _past_lines(self) -> AsyncIterator[bytes]:
        token = ""
        await self._hub.settle()  # what the executor does not have by then comes to us
        while True:
            request = executor_pb2.ListLogsRequest(run_id=self._run.run_id, page_size=1000, page_token=token)
            try:
                reply = await self._kit.client("executor").ListLogs(request, on_behalf=self._request.identity)
            except ServiceError as error:
                log.warning("no earlier log lines", run=self._run.run_id, error=error.message)
                yield self._without_past(error.message)
                return
            for chunk in reply.chunks:
                if (told := self._told.past(to_dict(chunk))) is not None:
                    yield self._lines(told)
            token = reply.next_page_token
            if not token:
                return

    def _without_past(self, why: str) -> bytes:
        text = f"Earlier output cannot be shown now: {why}"
        chunk = {"key": {"runId": self._run.run_id}, "lines": [{"stream": "LOG_STREAM_SYSTEM", "text": text}]}
        return self._lines(chunk)

    def _render(self, items: list[Fact | Lines]) -> tuple[bytes, bool]:
        """Frames of what came, and whether the run's end is among it."""
        out: list[bytes] = []
        ended = False
        for item in items:
            if isinstance(item, Lines):
                if item.project == subject_token(self._run.project) and (told := self._told.live(item.chunk)):
                    out.append(self._lines(told))
            elif item.seq > self._seq:
                out.append(self._fact(item))
                ended = ended or (item.event.type in _ENDS and self._ours(item.event))
        return b"".join(out), ended

    def _ours(self, event: Envelope) -> bool:
        """What the scheduler says of this run; a model of another project may bear the run's id as its name."""
        if not event.type.startswith(("run.", "task.")):
            return False
        return event.data.get("runId") == self._run.run_id and event.data.get("project") == self._run.project

    def _fact(self, fact: Fact) -> bytes:
        self._seq = fact.seq
        return frame(fact.event.type, fact.data, self._ident()) if self._ours(fact.event) else b""

    def _lines(self, chunk: dict[str, Any]) -> bytes:
        return frame("log", msgspec.json.encode(chunk), self._ident())

    def _ident(self) -> str:
        return position(self._seq, self._told.newest_ms)


async def still_welcome(kit: ServiceKit[Any], request: Request) -> bool:
    """Is the token that opened a stream good still?"""
    try:
        await identify(kit.authenticator, request.headers.get("authorization", ""))
    except Unauthenticated:
        return False
    except ServiceError as error:
        log.info("cannot check a token now", error=error.message)
    return True
