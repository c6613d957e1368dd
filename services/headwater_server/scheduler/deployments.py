"""Deployed flows, and the runs that events and clocks start of them.

An event starts at most one run of a deployment, however often it is delivered: the run's request id says which.
"""

import asyncio
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import structlog

from headwater.api.scheduler.v1 import scheduler_pb2
from headwater_server.kit.database import CONFLICT, LOST
from headwater_server.kit.envelope import Envelope
from headwater_server.kit.errors import InvalidArgument, NotFound, ServiceError
from headwater_server.kit.hints import did_you_mean
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.scheduler import messages, triggers
from headwater_server.scheduler.gathering import Started, gather
from headwater_server.scheduler.graph import Plan
from headwater_server.scheduler.runs import NewRun, Runs
from headwater_server.scheduler.store import Store, graph_digest, q

log = structlog.get_logger("scheduler.deployments")
_NAME = re.compile(r"[A-Za-z0-9_.@+-]{1,300}")
TICK = 1.0
# Seconds after which a time of the clock counts as missed.
LATE = 60.0
MOST_PAYLOAD = 64 * 1024


class Deployments:
    def __init__(self, outbox: Outbox, store: Store, runs: Runs) -> None:
        self._outbox, self._store, self._runs = outbox, store, runs

    async def put(self, tx: OutboxTransaction, new: NewRun, starts: list[dict[str, Any]]) -> asyncpg.Record:
        """Deploys a flow, or its next version."""
        at = datetime.now(UTC)
        triggers.check(starts, at)
        plan = Plan(new.graph)
        digest = graph_digest(new.graph)
        await tx.conn.execute(q.put_graph, digest, new.graph)
        self._store.remember_plan(digest, plan)
        row = await tx.conn.fetchrow(
            q.deploy, new.project, new.deployment, digest, new.code, new.parameters, starts, new.tags, new.created_by,
            new.role, triggers.next_time(starts, at), new.max_workers, new.priority, new.timeout,
        )  # fmt: skip
        assert row is not None
        await tx.conn.execute(q.forget_arrivals, new.project, new.deployment, None)
        return row

    async def get(self, project: str, name: str) -> asyncpg.Record:
        row = await self._store.database.fetchrow(q.get_deployment, project, name)
        if row is None:
            raise await self.unknown(project, name)
        return row

    async def unknown(self, project: str, name: str, conn: asyncpg.Connection | None = None) -> NotFound:
        names = [r["name"] for r in await (conn or self._store.database).fetch(q.list_deployments, project)]
        message = f"no flow {name!r} is deployed in project {project!r}"
        return NotFound(message, field="name", hint=did_you_mean(name, names), reason="DEPLOYMENT_NOT_FOUND")

    async def list(self, project: str) -> list[scheduler_pb2.Deployment]:
        rows = await self._store.database.fetch(q.list_deployments, project)
        return [messages.deployment(row, await self._store.plan(row["graph_digest"])) for row in rows]

    async def remove(self, tx: OutboxTransaction, project: str, name: str) -> None:
        """Raises NotFound."""
        if await tx.conn.fetchval(q.undeploy, project, name) is None:
            raise await self.unknown(project, name, tx.conn)

    async def pause(self, project: str, name: str, paused: bool) -> scheduler_pb2.Deployment:
        """Raises NotFound."""
        row = await self.get(project, name)
        if paused:
            row = await self._store.database.fetchrow(q.pause_deployment, project, name)
        else:
            following = triggers.next_time(row["triggers"], datetime.now(UTC))
            row = await self._store.database.fetchrow(q.resume_deployment, project, name, following)
        if row is None:
            raise await self.unknown(project, name)
        return messages.deployment(row, await self._store.plan(row["graph_digest"]))

    async def new_run(self, row: asyncpg.Record, conn: asyncpg.Connection | None = None) -> NewRun:
        """A run of a deployment as it stands."""
        plan = await self._store.plan(row["graph_digest"], conn)
        return NewRun(
            project=row["project"],
            flow=plan.flow,
            graph=plan.json,
            code=row["code"],
            parameters=row["parameters"],
            created_by=row["deployed_by"],
            role=row["role"],
            tags=list(row["tags"]),
            deployment=row["name"],
            max_workers=row["max_workers"],
            priority=row["priority"],
            timeout=row["timeout"],
        )

    async def waited_for(self, events: Sequence[Envelope]) -> set[str]:
        """Ids of those that a deployment may wait for."""
        finished = [_finished(event) for event in events]
        rows = await self._store.database.fetch(
            q.started_by, [event.project for event in events], [event.type for event in events], finished
        )
        return {events[row["place"] - 1].id for row in rows}

    async def on_event(self, tx: OutboxTransaction, event: Envelope) -> None:
        """Starts what waits for this event, in the transaction that remembers it."""
        rows = await tx.conn.fetch(q.deployments_for, event.project, event.type, _finished(event))
        tags: Sequence[str] = ()
        if any(triggers.wants_tags(each) for row in rows for each in row["triggers"]):
            tags = await self._tags(tx, event.data.get("runId"))
        for row in rows:
            if (started := await self._matching(tx, row, event, tags)) is not None:
                await self._start(tx, row, event, *started)

    async def _matching(
        self, tx: OutboxTransaction, row: asyncpg.Record, event: Envelope, tags: Sequence[str]
    ) -> Started | None:
        """Parameters, and all events where several were waited for, of the first trigger that starts a run."""
        found: list[Started] = []
        for number, trigger in enumerate(row["triggers"]):
            if "all" in trigger:
                started = await gather(tx, row, number, event, source_of(event), tags)
            else:
                given = triggers.match(trigger, event, tags)
                started = None if given is None else (given, [])
            found += [started] if started is not None else []
        return found[0] if found else None

    async def _tags(self, tx: OutboxTransaction, run_id: Any) -> Sequence[str]:
        try:
            return await tx.conn.fetchval(q.tags_of_run, uuid.UUID(run_id)) or []
        except (TypeError, ValueError, AttributeError):  # an event of somebody else's, with the same name
            return []

    async def _start(
        self,
        tx: OutboxTransaction,
        row: asyncpg.Record,
        event: Envelope,
        given: dict[str, Any],
        events: Sequence[dict[str, Any]],
    ) -> None:
        new = await self.new_run(row, tx.conn)
        new.parameters = new.parameters | given
        new.request_id = f"{row['name']}:{event.id}"
        new.traceparent = event.traceparent
        new.trigger = source_of(event) | {"deployment": row["name"]} | ({"events": [*events]} if events else {})
        await self._runs.pin(new, lenient=True)
        run_id = await self._runs.start_in(tx, new)
        log.info("started by an event", flow=row["name"], run=run_id, event_type=event.type)

    async def clock_loop(self) -> None:
        """Starts what is due by the clock. The trigger says what becomes of times that were missed."""
        while True:
            try:
                for row in await self._store.database.fetch(q.due_deployments):
                    await self._strike(row["project"], row["name"])
            except (*LOST, *CONFLICT) as error:
                log.warning("clock waits", error=str(error))
            await asyncio.sleep(TICK)

    async def _strike(self, project: str, name: str) -> None:
        """Each on its own: one that cannot be started holds up no other."""
        try:
            async with self._outbox.transaction() as tx:
                row = await tx.conn.fetchrow(q.lock_due, project, name)
                if row is not None:
                    await self._start_due(tx, row)
        except ServiceError as error:
            log.error("cannot start by the clock", project=project, flow=name, error=error.message)

    async def _start_due(self, tx: OutboxTransaction, row: asyncpg.Record) -> None:
        due: datetime = row["next_at"]
        at, policy = datetime.now(UTC), triggers.catch_up(row["triggers"])
        following = triggers.next_time(row["triggers"], due if policy == "all" else at)
        await tx.conn.execute(q.reschedule, row["project"], row["name"], following)
        if policy == "skip" and (at - due).total_seconds() > LATE:
            log.info("left out: it is too late for it", flow=row["name"], due=due.isoformat())
            return
        new = await self.new_run(row, tx.conn)
        new.request_id = f"{row['name']}@{due.isoformat()}"
        new.trigger = {
            "eventId": new.request_id,
            "eventName": "schedule",
            "eventTime": due.isoformat().replace("+00:00", "Z"),
            "deployment": row["name"],
        }
        await self._runs.pin(new, lenient=True)
        await self._runs.start_in(tx, new)


def deployment_name(name: str) -> str:
    """Raises InvalidArgument for one that no address could hold."""
    if not _NAME.fullmatch(name):
        raise InvalidArgument(
            f"name: {name[:80]!r} is not the name of a deployment",
            field="name",
            hint="up to 300 letters, digits and . _ - @ +",
        )
    return name


def _finished(event: Envelope) -> str:
    """The flow of the run that the event says is over, and well."""
    return str(event.data.get("flow", "")) if event.type == triggers.RUN_SUCCEEDED else ""


def source_of(event: Envelope) -> dict[str, Any]:
    """TriggerSource of a run that an event starts."""
    return {
        "eventId": event.id,
        "eventName": event.type,
        "eventSubject": event.subject,
        "eventTime": event.time.isoformat().replace("+00:00", "Z"),
        "payloadJson": _payload(event.data),
    }


def _payload(data: dict[str, Any]) -> str:
    """It travels with every task of the run: a large one stays in its stream."""
    text = msgspec.json.encode(data)
    return text.decode() if len(text) <= MOST_PAYLOAD else ""
