"""The events of a project: followed from now or from the past, and foreign ones published.

Ids of the stream are "<sequence in HW_EVENTS>-<sequence in HW_EXT>": after a resume both go on exactly.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from typing import Any
from urllib.parse import quote

import msgspec
from starlette.responses import Response

from headwater_server.gateway.live.feed import Fact, Feed
from headwater_server.gateway.live.hub import FACTS, FOREIGN, Hub, fact_of
from headwater_server.gateway.live.past import Past, Stored
from headwater_server.gateway.live.runs import CHECK_SECONDS, HEARTBEAT_SECONDS, still_welcome
from headwater_server.gateway.live.sse import HEARTBEAT, EventStream, frame, position, read_position
from headwater_server.gateway.parameters import Parameters
from headwater_server.gateway.request import Request, answer_json
from headwater_server.kit.clock import now
from headwater_server.kit.envelope import MAX_BODY, Envelope, MalformedEvent
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import did_you_mean, shown
from headwater_server.kit.ids import subject_token, uuid7
from headwater_server.kit.service import ServiceKit

MOST_PAST = 10_000
_TOKEN = re.compile(r"^[A-Za-z0-9_-]{1,128}$")
_TYPE = re.compile(r"^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,7}$")
_ID = re.compile(r"^[A-Za-z0-9_.:-]{1,128}$")


@dataclass(frozen=True)
class Wanted:
    """Which events of a project are wanted."""

    project: str
    type: str = ""
    run_id: str = ""
    foreign: bool = False

    def subjects(self) -> dict[str, str]:
        """Stream → the narrowest subject that holds them."""
        token = subject_token(self.project)
        kind = (self.type.split(".") if self.type else []) + ["*", "*"]
        found = {FACTS: f"hw.evt.v1.{token}.{kind[0]}.{kind[1]}.{self.run_id or '*'}"}
        if self.foreign:
            found[FOREIGN] = f"hw.ext.{token}.>"
        return found

    def __contains__(self, event: Envelope) -> bool:
        if event.data.get("project", self.project) != self.project and event.subject.startswith("hw.evt."):
            return False
        if self.type and event.type != self.type and not event.type.startswith(self.type + "."):
            return False
        if event.subject.startswith("hw.ext."):
            return not self.run_id or self.run_id in (event.data.get("runId"), event.data.get("run_id"))
        return not self.run_id or event.subject.endswith(f".{self.run_id}")


class ProjectEvents:
    def __init__(self, kit: ServiceKit[Any], hub: Hub, past: Past) -> None:
        self._kit, self._hub, self._past = kit, hub, past

    async def stream(self, request: Request) -> Response:
        """GET /api/v1/projects/{project}/events"""
        given = Parameters(request.query, "type", "run_id", "foreign", "last", "since")
        project = check_project(request)
        for name in ("type", "run_id"):
            if given.text(name) and not (_TYPE if name == "type" else _TOKEN).match(given.text(name)):
                raise InvalidArgument(f"{name}: {shown(given.text(name))} cannot be one", field=name)
        wanted = Wanted(project, given.text("type"), given.text("run_id"), given.boolean("foreign"))
        last, since = given.integer("last", 0, MOST_PAST), given.time("since")
        resume = read_position(request.headers.get("last-event-id", ""))
        held = AsyncExitStack()
        feed, ends = await held.enter_async_context(
            self._hub.follow_project(subject_token(project), foreign=wanted.foreign)
        )
        follower = _Follower(self._kit, self._past, request, wanted, feed, ends)
        return EventStream(follower.frames(resume, last, since), feed.cut, held.aclose)

    async def publish(self, request: Request) -> Response:
        """POST /api/v1/projects/{project}/events"""
        project = check_project(request)
        body = await request.json()
        fields = ("name", "data", "requestId", "request_id")
        for field in body:
            if field not in fields:
                raise InvalidArgument(f"{field}: there is no such field", field=field, hint=did_you_mean(field, fields))
        name, data = _name(body.get("name")), _data(body.get("data", {}))
        event_id = body.get("requestId") or body.get("request_id") or uuid7()
        if not isinstance(event_id, str) or not _ID.match(event_id):
            raise InvalidArgument(f"requestId: {shown(event_id)} cannot be one", field="requestId")
        subject = f"hw.ext.{project}.{name}"
        headers = {
            "ce-specversion": "1.0",
            "ce-id": event_id,
            "ce-source": quote(f"{request.identity.actor.kind}/{request.identity.actor.name}", safe="/._-"),
            "ce-type": name,
            "ce-time": now().isoformat().replace("+00:00", "Z"),
            "ce-datacontenttype": "application/json",
        }
        if request.traceparent:
            headers["traceparent"] = request.traceparent
        msg_id = f"{project}:{event_id}"
        seq = await self._kit.bus.publish_stream(subject, data, msg_id=msg_id, headers=headers)
        return answer_json({"subject": subject, "id": event_id, "seq": seq})


def check_project(request: Request) -> str:
    """The project of the path, if the caller may see it."""
    project = request.path["project"]
    request.identity.check_project(project)
    if not _TOKEN.match(project):
        raise InvalidArgument(
            f"project: {shown(project)} has no events of its own",
            field="project",
            hint='its name may have letters, digits, "_" and "-"',
        )
    return project


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _TYPE.match(value):
        hint = 'words of letters, digits, "_" and "-", joined by ".": data.arrived'
        raise InvalidArgument(f"name: {shown(value)} is not the name of an event", field="name", hint=hint)
    return value


def _data(value: Any) -> bytes:
    if not isinstance(value, dict):
        raise InvalidArgument(
            f"data: {shown(value)} is not a JSON object", field="data", hint='e.g. {"uri": "s3://bucket/key"}'
        )
    data = msgspec.json.encode(value)
    if len(data) > MAX_BODY:
        hint = "upload it as a blob and send its digest"
        raise InvalidArgument(f"data: {len(data)} bytes, at most {MAX_BODY} are allowed", field="data", hint=hint)
    return data


class _Follower:
    """One open stream."""

    def __init__(
        self, kit: ServiceKit[Any], past: Past, request: Request, wanted: Wanted, feed: Feed, ends: dict[str, int]
    ) -> None:
        self._kit, self._past, self._request = kit, past, request
        self._wanted, self._feed = wanted, feed
        self._ends, self._at = ends, dict(ends)

    async def frames(self, resume: tuple[int, int] | None, last: int, since: datetime | None) -> AsyncIterator[bytes]:
        yield HEARTBEAT  # the head of the answer leaves at once
        if resume is not None:
            self._at = {FACTS: min(resume[0], self._ends[FACTS]), FOREIGN: min(resume[1], self._ends[FOREIGN])}
            past = self._after(dict(self._at), None)
        elif since is not None:
            self._at = dict.fromkeys(self._at, 0)
            past = self._after(dict(self._at), since)
        else:
            past = self._last(last)
        async for fact in past:
            yield self._frame(fact)
        self._at = {name: max(self._at[name], self._ends[name]) for name in self._at}
        async for data in self._live():
            yield data

    async def _after(self, after: dict[str, int], since: datetime | None) -> AsyncIterator[Fact]:
        for stream, subject in self._wanted.subjects().items():
            stored = self._past.read(stream, subject, after=after[stream], upto=self._ends[stream], start=since)
            async for fact in self._facts(stream, stored):
                yield fact

    async def _last(self, count: int) -> AsyncIterator[Fact]:
        """The last ones of both streams by their time."""
        if not count:
            return
        found: list[deque[Fact]] = []
        for stream, subject in self._wanted.subjects().items():
            stored = self._past.last(stream, subject, count, upto=self._ends[stream])
            found.append(deque([fact async for fact in self._facts(stream, stored)], count))
        chosen = list(merge(*found, key=lambda fact: fact.event.time))[-count:]
        for name in self._at:
            first = next((fact.seq for fact in chosen if fact.stream == name), None)
            self._at[name] = self._ends[name] if first is None else first - 1
        for fact in chosen:
            yield fact

    async def _facts(self, stream: str, stored: AsyncIterator[Stored]) -> AsyncIterator[Fact]:
        async for each in stored:
            try:
                event = Envelope.decode(
                    each.subject, each.headers, each.data, stream=stream, seq=each.seq, time=each.time
                )
            except MalformedEvent:
                continue
            if event in self._wanted:
                yield fact_of(event, stream)

    async def _live(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        checked = loop.time()
        while True:
            items = await self._feed.take(HEARTBEAT_SECONDS)
            if self._feed.cut.is_set():
                return
            out = [
                self._frame(item)
                for item in items
                if isinstance(item, Fact) and item.seq > self._at[item.stream] and item.event in self._wanted
            ]
            if out or not items:
                yield b"".join(out) or HEARTBEAT
            if loop.time() - checked >= CHECK_SECONDS:
                checked = loop.time()
                if not await still_welcome(self._kit, self._request):
                    return

    def _frame(self, fact: Fact) -> bytes:
        self._at[fact.stream] = fact.seq
        return frame(fact.event.type, fact.data, position(self._at[FACTS], self._at[FOREIGN]))
