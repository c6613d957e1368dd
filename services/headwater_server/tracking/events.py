"""What tracking follows: the scheduler's facts about runs, what tasks log, and what others log by `nats pub`.

The only file with subscriptions. Reads messages, hands them to store.py and ingest.py; a message that cannot be used
becomes a dead letter that says which field is wrong.
"""

import asyncio

from nats.aio.msg import Msg

from headwater_server.kit.consumer import consume_batches, consume_events, dead_letter
from headwater_server.kit.envelope import Envelope, MalformedEvent
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.kit.service import ServiceKit
from headwater_server.tracking import finished, flow_runs, limits
from headwater_server.tracking.batches import Batch, read_foreign, read_json, read_metric_batch
from headwater_server.tracking.deletion import Deletion
from headwater_server.tracking.ingest import Ingest, Target
from headwater_server.tracking.names import name_for
from headwater_server.tracking.store import NewRun, Store

METRICS_AT_ONCE = 500
# One transaction of about so many points: more would hold the loop, and with it every other caller, for too long.
POINTS_AT_ONCE = 20_000
# A run may be known to its maker a moment before its start has come here.
UNKNOWN_RUN_TRIES = 5
DELETED_WITHIN = 5.0  # seconds, nearly always
FOREIGN = ("metric", "param", "tag")


class FlowRuns:
    """Facts of the scheduler: a flow's run is a tracked run with the same id, in the experiment named like the flow."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def started(self, tx: OutboxTransaction, event: Envelope) -> None:
        started = flow_runs.started_run(event.data, event.time)
        if await self._store.was_deleted(tx, started.run):
            return
        keys = await self._store.ensure_keys_in(tx, [*started.params, *started.tags])
        experiment = await self._store.open_experiment(tx, started.project, started.flow)
        name = name_for(str(started.run))
        new = NewRun(started.run, started.project, experiment, name, started_at=started.at, of_flow=True)
        made = await self._store.create_run(tx, new)
        if made is None:
            await self._store.heal_run(tx, started.run, started.project, experiment, started.at)
            row = await self._store.placed(tx, started.run)
            if row is None or row["project"] != started.project:
                raise InvalidArgument(f"runId: {started.run} is a run of another project", field="run_id")
            made = row["id"]
        await self._store.add_texts(tx, made, keys, started.params, started.tags)

    async def finished(self, tx: OutboxTransaction, event: Envelope) -> None:
        run, state = limits.check_run_id(event.data.get("runId")), flow_runs.FINAL[event.type]
        at = flow_runs.moment(event.data.get("at"), event.time)
        row = await self._store.finish_flow_run(tx, run, state, at)
        project, trace = event.data.get("project") or "default", event.traceparent
        if row is not None:
            await finished.tell(tx, row["id"], run, project, row["experiment"], state, at, trace)
        elif made := await self._end_of_unknown(tx, event, state):
            await finished.tell(tx, made[0], run, project, made[1], state, at, trace)

    async def revived(self, tx: OutboxTransaction, event: Envelope) -> None:
        """Its end was taken back: whoever runs it had only been silent."""
        await self._store.revive_flow_run(tx, limits.check_run_id(event.data.get("runId")), event.time)

    async def retagged(self, tx: OutboxTransaction, event: Envelope) -> None:
        row = await self._store.placed(tx, limits.check_run_id(event.data.get("runId")))
        if row is not None:
            tags = {flow_runs.TAGS: ",".join(event.data.get("tags") or [])[: limits.MAX_TAG]}
            await self._store.add_texts(tx, row["id"], await self._store.ensure_keys_in(tx, [*tags]), {}, tags)

    async def _end_of_unknown(self, tx: OutboxTransaction, event: Envelope, state: int) -> tuple[int, str] | None:
        """The end came before the start: the run is made as it ended, its start fills in the rest. Returns its id
        and the experiment, or None when the run had ended already."""
        run, project = limits.check_run_id(event.data.get("runId")), event.data.get("project") or "default"
        if await self._store.was_deleted(tx, run):
            return None
        flow = flow_runs.flow_of(event.data)
        at = flow_runs.moment(event.data.get("at"), event.time)
        experiment = await self._store.open_experiment(tx, project, flow)
        new = NewRun(
            run, project, experiment, name_for(str(run)), state, started_at=at, finished_at=at, provisional=True,
            of_flow=True,
        )  # fmt: skip
        made = await self._store.create_run(tx, new)
        return None if made is None else (made, flow)


class Logged:
    """Batches of messages that log points, params and tags."""

    def __init__(self, kit: ServiceKit, store: Store, ingest: Ingest) -> None:
        self._kit, self._store, self._ingest = kit, store, ingest

    async def metrics(self, messages: list[Msg]) -> None:
        """hw.metrics.v1.<project>.<run>: a MetricBatch each."""
        read: list[tuple[Msg, Batch]] = []
        points = 0
        for msg in messages:
            try:
                read.append((msg, _metric_batch(msg)))
            except InvalidArgument as error:
                await self._refuse(msg, error)
                continue
            points += len(read[-1][1].points)
            if points >= POINTS_AT_ONCE:
                await self._store_all(read)
                read, points = [], 0
        await self._store_all(read)

    async def foreign(self, messages: list[Msg]) -> None:
        """hw.ext.<project>.metric|param|tag: JSON that anybody may publish. The run must exist."""
        read: list[tuple[Msg, Batch]] = []
        for msg in messages:
            try:
                batches = _foreign_batches(msg)
            except (InvalidArgument, MalformedEvent) as error:
                await self._refuse(msg, error)
                continue
            known = await self._store.locate_all(b.run for b in batches)
            unknown = [b.run for b in batches if b.run not in known]
            if not unknown:
                read += [(msg, batch) for batch in batches]
            elif msg.metadata.num_delivered < UNKNOWN_RUN_TRIES:
                await msg.nak(delay=0.3 * 2**msg.metadata.num_delivered)
            else:
                text = f"run_id: project {batches[0].project!r} has no run {unknown[0]}"
                await self._refuse(msg, InvalidArgument(text, field="run_id"))
        await self._store_all(read)

    async def _store_all(self, read: list[tuple[Msg, Batch]]) -> None:
        if not read:
            return
        placed = await self._ingest.place([batch for _, batch in read])
        refused: dict[int, tuple[Msg, Exception]] = {}  # by sequence: one message may hold batches of several runs
        targets: list[Target] = []
        origin: list[Msg] = []
        for (msg, _), place in zip(read, placed, strict=True):
            if isinstance(place, Target):
                targets.append(place)
                origin.append(msg)
            else:
                refused[msg.metadata.sequence.stream] = msg, place
        for number, conflict in (await self._ingest.write(targets, strict=False) if targets else {}).items():
            refused[origin[number].metadata.sequence.stream] = origin[number], conflict
        for msg, error in refused.values():
            await self._refuse(msg, error)

    async def _refuse(self, msg: Msg, error: Exception) -> None:
        hint = getattr(error, "hint", "")
        await dead_letter(self._kit, msg, f"{error}; {hint}" if hint else str(error))


def _metric_batch(msg: Msg) -> Batch:
    tokens = msg.subject.split(".")
    if len(tokens) != 5:
        raise InvalidArgument(f"subject: {msg.subject} is not hw.metrics.v1.<project>.<run>", field="subject")
    batch = read_metric_batch(msg.data, tokens[3], tokens[4], _millis(msg))
    if batch.batch_id:
        return batch
    meta = msg.metadata
    return Batch(
        batch.run,
        batch.project,
        f"{meta.stream}:{meta.sequence.stream}",
        batch.points,
        batch.params,
        batch.tags,
        batch.task,
    )


def _foreign_batches(msg: Msg) -> list[Batch]:
    tokens, meta = msg.subject.split("."), msg.metadata
    if len(tokens) != 4 or tokens[3] not in FOREIGN:
        raise InvalidArgument(f"subject: {msg.subject} is not hw.ext.<project>.metric, .param or .tag", field="subject")
    identity = f"{meta.stream}:{meta.sequence.stream}"
    body = read_json(msg.data)
    headers = {name.lower(): value for name, value in (msg.headers or {}).items()}
    if isinstance(body, dict) and ("ce-id" in headers or "cloudevents" in headers.get("content-type", "").lower()):
        event = Envelope.decode(msg.subject, msg.headers, msg.data, stream=meta.stream, seq=meta.sequence.stream)
        identity, body = event.id, event.data
    return read_foreign(tokens[3], body, tokens[2], identity[: limits.MAX_BATCH_ID], _millis(msg))


def _millis(msg: Msg) -> int:
    """When the message was stored: points without a time of their own are of then, also when it is redelivered."""
    return int(msg.metadata.timestamp.timestamp() * 1000)


async def subscribe(kit: ServiceKit, store: Store, ingest: Ingest) -> None:
    runs, logged = FlowRuns(store), Logged(kit, store, ingest)
    handlers = {"run.started": runs.started} | dict.fromkeys(flow_runs.FINAL, runs.finished)
    handlers |= {"run.deleted": Deletion(store).deleted}
    handlers |= {"run.revived": runs.revived, "run.tags_changed": runs.retagged}

    async def on_deleted(msg: Msg) -> None:
        """Every replica hears of it: one deletes the rows, about now, and all of them have to look again."""
        store.forget_all()
        asyncio.get_running_loop().call_later(DELETED_WITHIN, store.forget_all)

    kit.on_stop((await kit.bus.subscribe("hw.evt.v1.*.run.deleted.*", on_deleted)).stop)
    pullers = [
        await consume_events(kit, stream="HW_EVENTS", durable="tracking-runs", handlers=handlers),
        await consume_batches(
            kit, stream="HW_METRICS", durable="tracking-metrics", handler=logged.metrics, batch=METRICS_AT_ONCE
        ),
        await consume_batches(kit, stream="HW_EXT", durable="tracking-ext", handler=logged.foreign),
    ]
    for puller in pullers:
        kit.on_stop(puller.stop)
