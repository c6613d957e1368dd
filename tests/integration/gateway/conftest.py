"""A gateway on real HTTP, with tracking beside it and stand-ins for the scheduler and the executor."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest_asyncio

from headwater.api.executor.v1 import executor_pb2
from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.embedded.processes import free_port
from headwater_server.kit.bus import Bus
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import NotFound
from headwater_server.kit.ids import uuid7
from headwater_server.kit.rpc import Call
from headwater_server.kit.service import ServiceKit
from tests.integration.standin import Servicer, stand_in

ADMIN = "hw_pat_the_bootstrap_token_of_the_tests"
Event = tuple[str, str, Any]


@dataclass
class Scheduler(Servicer):
    """Knows the runs that a test gives it."""

    runs: dict[str, scheduler_pb2.Run] = field(default_factory=dict)
    seen: list[tuple[Any, Call]] = field(default_factory=list)

    def add(self, **values: Any) -> scheduler_pb2.Run:
        given = {"project": "default", "flow": "Train", "state": scheduler_pb2.RUN_STATE_RUNNING, **values}
        run = scheduler_pb2.Run(run_id=uuid7(), created_at=timestamp(), **given)
        self.runs[run.run_id] = run
        return run

    async def get_run(self, request: Any, call: Call) -> Any:
        self.seen.append((request, call))
        run = next((r for r in self.runs.values() if r.run_id.endswith(request.run_id)), None)
        if run is None or call.project not in ("*", run.project):
            raise NotFound(f"run_id: no run {request.run_id}", field="run_id")
        return scheduler_pb2.GetRunResponse(run=run)

    async def list_runs(self, request: Any, call: Call) -> Any:
        self.seen.append((request, call))
        return scheduler_pb2.ListRunsResponse(runs=[r for r in self.runs.values() if r.project == request.project])

    async def cancel_run(self, request: Any, call: Call) -> Any:
        self.seen.append((request, call))
        return scheduler_pb2.CancelRunResponse(run=self.runs[request.run_id])

    async def check_attempt(self, request: Any, call: Call) -> Any:
        return scheduler_pb2.CheckAttemptResponse(live=request.attempt == 1)


@dataclass
class Executor(Servicer):
    chunks: list[executor_pb2.LogChunk] = field(default_factory=list)

    async def list_logs(self, request: Any, call: Call) -> Any:
        at = int(request.page_token or 0)
        more = str(at + 2) if at + 2 < len(self.chunks) else ""
        return executor_pb2.ListLogsResponse(chunks=self.chunks[at : at + 2], next_page_token=more)


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]


class Edge:
    """The gateway of a test, and an HTTP client that sends whatever it is told."""

    def __init__(self, kit: ServiceKit[Any], port: int, scheduler: Scheduler, executor: Executor, bus: Any) -> None:
        self.kit, self.port, self.scheduler, self.executor = kit, port, scheduler, executor
        self._bus = bus
        self._publisher: Bus | None = None
        self._run_seq = 0

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = ADMIN,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Answer:
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        said = {"Host": f"127.0.0.1:{self.port}", "Connection": "close", "Content-Length": str(len(data))}
        if data:
            said["Content-Type"] = "application/json"
        if token is not None:
            said["Authorization"] = f"Bearer {token}"
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(_head(method, path, said | (headers or {})) + data)
        answer = await reader.read()
        writer.close()
        head, _, rest = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        pairs = (line.partition(": ") for line in lines[1:])
        return Answer(int(lines[0].split()[1]), {name.lower(): value for name, _, value in pairs}, rest)

    async def token(self, role: str, project: str = "default", **more: Any) -> str:
        made = await self.call("POST", "/api/v1/tokens", {"name": role, "role": role, "project": project, **more})
        assert made.status == 200, made.raw
        return made.json["secret"]

    @asynccontextmanager
    async def stream(self, path: str, *, last_id: str = "", token: str = ADMIN) -> AsyncIterator["Stream"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        said = {"Host": f"127.0.0.1:{self.port}", "Authorization": f"Bearer {token}"}
        if last_id:
            said["Last-Event-ID"] = last_id
        writer.write(_head("GET", path, said))
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        assert " 200 " in head.split("\r\n")[0], head
        assert "text/event-stream" in head
        try:
            yield Stream(reader, writer)
        finally:
            writer.close()

    async def publisher(self) -> Bus:
        self._publisher = self._publisher or await self._bus.connect("scheduler")
        return self._publisher

    async def fact(self, run: scheduler_pb2.Run, kind: str, **data: Any) -> str:
        """Publishes a fact of a run as the scheduler does. Returns its id."""
        self._run_seq += 1
        body = {"runId": run.run_id, "project": run.project, "flow": run.flow, "runSeq": str(self._run_seq), **data}
        ident = uuid7()
        headers = {"ce-id": ident, "ce-type": f"{kind}.v1", "ce-source": "scheduler"}
        subject = f"hw.evt.v1.{run.project}.{kind}.{run.run_id}"
        await (await self.publisher()).publish_stream(subject, json.dumps(body).encode(), msg_id=ident, headers=headers)
        return ident

    async def finish(self, run: scheduler_pb2.Run) -> None:
        run.state = scheduler_pb2.RUN_STATE_SUCCEEDED
        await self.fact(run, "run.succeeded")


def _head(method: str, path: str, headers: dict[str, str]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Stream:
    """Server-sent events as they come."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self._rest = b""

    async def next(self, timeout: float = 5.0) -> Event:
        """The next event that is no comment; ("closed", "", None) when the server has ended the stream."""
        async with asyncio.timeout(timeout):
            while True:
                while b"\n\n" in self._rest:
                    block, _, self._rest = self._rest.partition(b"\n\n")
                    fields = dict(
                        line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":")
                    )
                    if fields:
                        return fields["event"], fields.get("id", ""), json.loads(fields["data"])
                try:
                    size = int(await self.reader.readuntil(b"\r\n"), 16)
                    self._rest += (await self.reader.readexactly(size + 2))[:size]
                except (asyncio.IncompleteReadError, ConnectionError):
                    size = 0
                if not size:
                    return "closed", "", None

    async def until(self, event: str) -> list[Event]:
        """All events up to the one of this name."""
        got = [await self.next()]
        while got[-1][0] not in (event, "closed"):
            got.append(await self.next())
        return got


@pytest_asyncio.fixture
async def edge(serve: Any, service_kit: Any, bus: Any) -> AsyncIterator[Edge]:
    scheduler, executor, port = Scheduler(), Executor(), free_port()
    async with AsyncExitStack() as stack:
        addresses = {
            "scheduler_address": await stack.enter_async_context(stand_in("scheduler", scheduler)),
            "executor_address": await stack.enter_async_context(stand_in("executor", executor)),
        }
        more = {"http_address": f"127.0.0.1:{port}", "bootstrap_token": ADMIN, "allowed_hosts": "ml.example.com"}
        await serve("gateway", "tracking", **addresses, **more)
        kit = next(kit for kit in service_kit.kits if kit.name == "gateway")
        yield Edge(kit, port, scheduler, executor, bus)
        await kit.stop()
