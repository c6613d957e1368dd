"""Starting and cancelling runs: each is one transaction; a repeated request finds what the first one made."""

import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import structlog

from headwater_server.kit.clock import now
from headwater_server.kit.errors import Aborted, AlreadyExists, InvalidArgument, NotFound
from headwater_server.kit.ids import uuid7
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.scheduler import facts
from headwater_server.scheduler.assignments import RunInfo
from headwater_server.scheduler.dispatch import Dispatcher
from headwater_server.scheduler.endings import Endings
from headwater_server.scheduler.graph import Plan
from headwater_server.scheduler.keys import Key
from headwater_server.scheduler.references import is_pinned, references, replaced
from headwater_server.scheduler.reuse import Reuse, looked_up, resuming
from headwater_server.scheduler.settle import NewTask
from headwater_server.scheduler.store import Store, columns, graph_digest, no_run, q, run_uuid, task_rows
from headwater_server.scheduler.tags import changed, check_size, check_tags

log = structlog.get_logger("scheduler.runs")
_DIGEST = re.compile(r"^[0-9a-f]{64}$")
# In JSON: an escape that is not escaped itself.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
LONGEST_TIMEOUT = 366 * 86400
MOST_PRIORITY = 1_000_000
# They travel with every task.
MOST_PARAMETERS = 64 * 1024


@dataclass
class NewRun:
    """What a run is started with."""

    project: str
    flow: str
    graph: dict[str, Any]
    code: dict[str, Any]
    parameters: dict[str, Any]
    created_by: dict[str, Any]
    role: str
    request_id: str = ""
    tags: list[str] = field(default_factory=list)
    priority: int = 0
    max_workers: int = 0
    traceparent: str = ""
    origin_run_id: str = ""
    resume_step: str = ""
    trigger: dict[str, Any] | None = None
    deployment: str = ""
    # Seconds after which it is cancelled; 0: never.
    timeout: float = 0.0
    # Results of earlier runs are taken over where nothing that they depend on is different.
    cached: bool = False
    # Of a resumed run: parameters that count as changed whatever their value.
    changed_parameters: list[str] = field(default_factory=list)
    # Nothing is handed out before somebody lets it go on.
    paused: bool = False


class Runs:
    def __init__(
        self,
        outbox: Outbox,
        store: Store,
        dispatcher: Dispatcher,
        endings: Endings,
        look_up: Callable[[], None],
        has_package: Callable[[str, str], Awaitable[bool]],
        resolve: Callable[[str, list[str]], Awaitable[list[str]]],
    ) -> None:
        """look_up(): something may be taken over; has_package(project, digest): is this code package there?
        resolve(project, uris): the same, naming one version of the data for good."""
        self._outbox, self._store, self._dispatcher, self._endings = outbox, store, dispatcher, endings
        self._look_up = look_up
        self.has_package, self._resolve = has_package, resolve

    async def start(self, new: NewRun) -> str:
        """The id of the run. Raises InvalidArgument, AlreadyExists (the request id belongs to another flow), NotFound
        (a parameter names data that is not there)."""
        await self.pin(new)
        async with self._outbox.transaction() as tx:
            return await self.start_in(tx, new)

    async def pin(self, new: NewRun, *, lenient: bool = False) -> None:
        """Parameters that name data name one version of it from now on: all tasks, and a resume, see the same. What an
        origin was given stays, were it deleted meanwhile: its tasks may have done with it.

        Raises NotFound. lenient: nobody waits for an answer; what is not there stays, and fails where it is read."""
        for name, value in new.parameters.items():
            asked = list(dict.fromkeys(references(value)))
            if new.origin_run_id:
                asked = [each for each in asked if not is_pinned(each)]
            try:
                found = await self._resolve(new.project, asked) if asked else []
            except (NotFound, InvalidArgument) as error:
                field = f"parameters.{name}"
                if not lenient:
                    text = f"{field}: {error.message}"
                    raise type(error)(text, field=field, hint=error.hint, reason=error.reason) from None
                log.warning("a run names data that is not there", flow=new.flow, parameter=name, error=error.message)
                continue
            if asked:
                pinned = replaced(value, dict(zip(asked, found, strict=True)))
                new.parameters = new.parameters | {name: pinned}

    async def start_in(self, tx: OutboxTransaction, new: NewRun) -> str:
        """The same in a transaction of the caller."""
        plan = check(new)
        digest = graph_digest(new.graph)
        origin = run_uuid(new.origin_run_id) if new.origin_run_id else None
        reuse = await self._reuse(tx, new, plan, origin)
        run_id = uuid7()
        await tx.conn.execute(q.put_graph, digest, new.graph)
        values = {
            "run_id": run_id, "project": new.project, "flow": new.flow, "request_id": new.request_id or None,
            "graph_digest": digest, "code": new.code, "parameters": new.parameters, "tags": new.tags,
            "priority": new.priority, "max_workers": new.max_workers, "created_by": new.created_by, "role": new.role,
            "traceparent": new.traceparent, "origin_run_id": origin, "trigger": new.trigger,
            "deployment": new.deployment or None, "reuse": reuse.to_json() if reuse else None,
        }  # fmt: skip
        created_at = await tx.conn.fetchval(q.insert_run, *values.values(), new.timeout or None, new.paused)
        if created_at is None:
            return await self._repeated(tx, new)
        info = self._store.remember(values, self._store.remember_plan(digest, plan))
        tx.add(facts.run_started(info, created_at, 1))
        await self._first_task(tx, info)
        await tx.conn.fetchval(q.next_seq, run_id, 1)
        return run_id

    async def _repeated(self, tx: OutboxTransaction, new: NewRun) -> str:
        row = await tx.conn.fetchrow(q.run_of_request, new.project, new.request_id)
        assert row is not None
        if row["flow"] != new.flow:
            message = f"request_id {new.request_id!r} started a run of flow {row['flow']} before"
            raise AlreadyExists(message, field="request_id", hint="use a new one for each run")
        return str(row["run_id"])

    async def _reuse(self, tx: OutboxTransaction, new: NewRun, plan: Plan, origin: uuid.UUID | None) -> Reuse | None:
        if origin is None:
            return Reuse("cached") if new.cached else None
        if await tx.conn.fetchval(q.hold_origin, origin) is None:
            raise no_run(str(origin))
        before = (await self._store.info(str(origin), tx.conn)).parameters
        return resuming(plan, new.resume_step, new.parameters, before, new.changed_parameters)

    async def _first_task(self, tx: OutboxTransaction, info: RunInfo) -> None:
        start = info.plan[info.plan.start]
        task = NewTask(Key(info.run_id, start.name, ()), start, (), "")
        await tx.conn.execute(q.insert_branches, *task_rows([task], {info.run_id: info.priority}))
        if looked_up(info.reuse, start):
            await tx.conn.execute(q.hold_back, *columns([task.key]))
            tx.after_commit(self._look_up)
        else:
            tx.after_commit(lambda: self._wake({start.pool}))

    def _wake(self, pools: set[str]) -> None:
        for pool in pools:
            self._dispatcher.wake(pool)

    async def retag(self, info: RunInfo, remove: list[str], add: list[str], if_version: int) -> None:
        """Raises InvalidArgument, Aborted (somebody else has changed the tags since that version)."""
        async with self._outbox.transaction() as tx:
            row = await tx.conn.fetchrow(q.lock_tags, uuid.UUID(info.run_id))
            if row is None:
                raise no_run(info.run_id)
            if if_version and row["tags_version"] != if_version:
                message = f"the tags of run {info.run_id} have version {row['tags_version']} by now, not {if_version}"
                raise Aborted(message, field="if_version", hint="read the run again", reason="TAGS_CHANGED")
            tags = changed(row, remove, add)
            if tags != row["tags"]:
                version = await tx.conn.fetchval(q.set_tags, uuid.UUID(info.run_id), tags)
                tx.add(facts.tags_changed(info, now(), row["tags"], tags, int(version or 0)))
            tx.after_commit(lambda: self._store.forget(info.run_id))

    async def pause(self, info: RunInfo, paused: bool) -> bool:
        """Pauses a run, or lets it go on. False: it is over."""
        done = await self._store.database.fetchval(q.pause_run, info.run_id, paused) is not None
        self._wake({step.pool for step in info.plan.steps.values()})
        return done

    async def break_off(self, run_id: str, why: str) -> None:
        """Fails a run that cannot go on: its rows are not what they should be."""
        info = await self._store.info(run_id)
        failure = {"code": "INTERNAL", "message": f"the run cannot go on: {why}", "retryable": False}
        async with self._outbox.transaction() as tx:
            await tx.conn.fetch(q.lock_runs, [run_id])
            await self._endings.fail(tx, info, failure, Key(run_id, info.plan.start, ()))

    async def expire(self) -> None:
        """Cancels the runs whose time is over."""
        for row in await self._store.database.fetch(q.runs_past_deadline):
            info = await self._store.info(str(row["run_id"]))
            reason = f"the run took longer than its timeout of {row['seconds']:g} s"
            await self.cancel(info, reason, {"kind": "service", "name": "scheduler"})

    async def cancel(self, info: RunInfo, reason: str, actor: dict[str, Any]) -> bool:
        """False: the run was over already."""
        async with self._outbox.transaction() as tx:
            await tx.conn.fetch(q.lock_runs, [info.run_id])
            tx.after_commit(lambda: self._wake({step.pool for step in info.plan.steps.values()}))
            return await self._endings.cancel(tx, info, reason, actor)


def check(new: NewRun) -> Plan:
    """Raises InvalidArgument for what can never run."""
    plan = Plan(new.graph)
    if not new.flow:
        new.flow = plan.flow
    if not new.flow or len(new.flow) > 256:
        raise InvalidArgument(f"flow: {new.flow!r} is no name of a flow", field="flow", hint="1 to 256 characters")
    for name in ("package", "entrypoint", "flowClass"):
        if not new.code.get(name):
            raise InvalidArgument(f"code.{name} is empty", field=f"code.{name}")
    if not _DIGEST.match(new.code["package"]):
        raise InvalidArgument("code.package is not a sha256 of 64 hex digits", field="code.package")
    check_tags(new.tags)
    check_size(new.tags)
    if abs(new.priority) > MOST_PRIORITY:
        raise InvalidArgument(f"priority: {new.priority} is not within ±{MOST_PRIORITY:,}", field="priority")
    _check_parameters(new.parameters)
    if new.max_workers < 0:
        raise InvalidArgument(
            f"max_workers: {new.max_workers} is negative", field="max_workers", hint="0 means no limit"
        )
    if not 0 <= new.timeout <= LONGEST_TIMEOUT:
        raise InvalidArgument(
            f"timeout: {new.timeout:g} s is not between 0 and a year", field="timeout", hint="0 means no timeout"
        )
    if new.resume_step and new.resume_step not in plan.steps:
        known = ", ".join(plan.steps)
        raise InvalidArgument(f"resume_step: no step {new.resume_step!r}", field="resume_step", hint=f"one of {known}")
    if new.resume_step and not new.origin_run_id:
        raise InvalidArgument("resume_step without origin_run_id", field="origin_run_id", hint="name the run to resume")
    if new.cached and new.origin_run_id:
        message = "cached and origin_run_id: a resumed run takes over what its origin has done"
        raise InvalidArgument(message, field="cached", hint="give one of the two")
    if unknown := [name for name in new.changed_parameters if name not in new.parameters]:
        message = f"changed_parameters: {unknown[0]!r} is no parameter of this run"
        raise InvalidArgument(message, field="changed_parameters", hint=f"one of {', '.join(new.parameters) or 'none'}")
    return plan


def _check_parameters(parameters: dict[str, Any]) -> None:
    text = msgspec.json.encode(parameters)
    if len(text) > MOST_PARAMETERS:
        message = f"parameters: {len(text):,} bytes of JSON are more than {MOST_PARAMETERS:,}"
        raise InvalidArgument(message, field="parameters", hint="Store the data as a file, and pass where it is.")
    if _NUL.search(text):
        raise InvalidArgument("parameters: they hold a NUL character", field="parameters", hint="remove it")
