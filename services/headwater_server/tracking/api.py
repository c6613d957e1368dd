"""The RPCs of tracking: check what was sent, ask the store, answer. No SQL here."""

import uuid
from collections.abc import AsyncIterator

from headwater.api.tracking.v1 import batches_pb2
from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.clock import to_datetime
from headwater_server.kit.errors import AlreadyExists, InvalidArgument
from headwater_server.kit.ids import uuid7
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.kit.rpc import Call
from headwater_server.tracking import finished, limits, messages, packed
from headwater_server.tracking.batches import Batch
from headwater_server.tracking.columns import parse_columns
from headwater_server.tracking.filters import Order, keys_of, parse_filter, parse_order
from headwater_server.tracking.ingest import Ingest, Target
from headwater_server.tracking.mlflow.api import MlflowApi
from headwater_server.tracking.mlflow.writer import Writer
from headwater_server.tracking.names import name_for
from headwater_server.tracking.search_sql import Scope, count_query, search_queries
from headwater_server.tracking.store import DEFAULT_EXPERIMENT, NewRun, RunRef, Store, no_run
from headwater_server.tracking.writers import Writers, visible

MAX_HISTORY = 100_000
MAX_OFFSET = 1_000_000
RUNNING = pb.TRACKED_RUN_STATE_RUNNING


class TrackingApi(MlflowApi):
    def __init__(self, store: Store, ingest: Ingest, outbox: Outbox, writer: Writer, writers: Writers) -> None:
        super().__init__(store, ingest, outbox, writer)
        self._store, self._ingest, self._outbox = store, ingest, outbox
        self._writers = writers

    async def create_experiment(self, request: pb.CreateExperimentRequest, call: Call) -> pb.CreateExperimentResponse:
        name = limits.check_name(request.name, "name")
        tags = limits.check_texts(request.tags, "tag", field="tags")
        async with self._outbox.transaction() as tx:
            if await self._store.create_experiment(tx, request.project, name, tags) is None:
                hint = "use it as it is, or choose another name"
                raise AlreadyExists(
                    f"name: experiment {name!r} exists in project {request.project!r}", field="name", hint=hint
                )
        return pb.CreateExperimentResponse(
            experiment=messages.experiment(await self._store.experiment(request.project, name))
        )

    async def get_experiment(self, request: pb.GetExperimentRequest, call: Call) -> pb.GetExperimentResponse:
        return pb.GetExperimentResponse(
            experiment=messages.experiment(await self._store.experiment(request.project, request.name))
        )

    async def list_experiments(self, request: pb.ListExperimentsRequest, call: Call) -> pb.ListExperimentsResponse:
        size = page_size(request.page_size)
        position = read_page_token(request.page_token, "experiments", request.project)
        rows = await self._store.experiments(request.project, str(position[0]) if position else "", size + 1)
        answer = pb.ListExperimentsResponse(experiments=[messages.experiment(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token([rows[size - 1]["name"]], "experiments", request.project)
        return answer

    async def create_tracked_run(self, request: pb.CreateTrackedRunRequest, call: Call) -> pb.CreateTrackedRunResponse:
        run = limits.check_run_id(request.run_id) if request.run_id else uuid.UUID(uuid7())
        if request.experiment:
            limits.check_name(request.experiment, "experiment")
        name = limits.check_name(request.name, "name") if request.name else name_for(str(run))
        tags = limits.check_texts(request.tags, "tag", field="tags")
        tags.setdefault("headwater.user", call.actor.name[: limits.MAX_TAG])
        parent = await self._parent(request)
        keys = await self._store.ensure_keys(tags)
        async with self._outbox.transaction() as tx:
            experiment = await self._experiment_of(tx, request, parent)
            started = to_datetime(request.started_at) if request.HasField("started_at") else None
            parent_id = parent.id if parent else None
            new = NewRun(run, request.project, experiment, name, parent_id=parent_id, started_at=started)
            made = await self._store.create_run(tx, new)
            if made is not None:
                await self._store.add_texts(tx, made, keys, {}, tags)
            else:
                made = await self._made_before(tx, run, request.project)
        return pb.CreateTrackedRunResponse(run=await self._load(made))

    async def _made_before(self, tx: OutboxTransaction, run: uuid.UUID, project: str) -> int:
        known = await self._store.placed(tx, run)
        if known is None or known["project"] != project:
            raise AlreadyExists(f"run_id: {run} is taken", field="run_id", hint="leave it empty to get a new one")
        return known["id"]

    async def _parent(self, request: pb.CreateTrackedRunRequest) -> RunRef | None:
        if not request.parent_run_id:
            return None
        parent = await self._store.locate(limits.check_run_id(request.parent_run_id, "parent_run_id"), "parent_run_id")
        if parent.project != request.project:
            raise no_run(request.parent_run_id, "parent_run_id")
        return parent

    async def _experiment_of(
        self, tx: OutboxTransaction, request: pb.CreateTrackedRunRequest, parent: RunRef | None
    ) -> int:
        """The one that is named, else that of the parent, else "Default"."""
        if parent and not request.experiment:
            row = await self._store.placed(tx, limits.check_run_id(request.parent_run_id))
            if row is not None:
                return row["experiment_id"]
        name = request.experiment or DEFAULT_EXPERIMENT
        return await self._store.open_experiment(tx, request.project, name, revive=False)

    async def _load(self, run_id: int) -> pb.TrackedRun:
        for loaded in await self._store.load([run_id]):
            return messages.tracked_run(loaded)
        raise no_run("that is there any more", "run_id")  # it has gone meanwhile

    async def _run(self, text: str, call: Call) -> RunRef:
        """The run that a request is about, if the caller may see its project."""
        run = await self._store.locate(limits.check_run_id(text))
        if call.project not in ("*", run.project):
            raise no_run(text, "run_id")
        return run

    async def get_tracked_run(self, request: pb.GetTrackedRunRequest, call: Call) -> pb.GetTrackedRunResponse:
        run = await self._run(request.run_id, call)
        return pb.GetTrackedRunResponse(run=await self._load(run.id))

    async def search_tracked_runs(
        self, request: pb.SearchTrackedRunsRequest, call: Call
    ) -> pb.SearchTrackedRunsResponse:
        size, columns = page_size(request.page_size), parse_columns(request.columns)
        tree = parse_filter(request.filter)
        orders = [parse_order(text, field=f"order_by[{n}]") for n, text in enumerate(request.order_by)]
        question = (
            request.project,
            list(request.experiments),
            request.filter,
            list(request.order_by),
            request.parent_run_id,
        )
        position = read_page_token(request.page_token, *question)
        scope = Scope(request.project)
        if request.parent_run_id:
            scope.parent = limits.check_run_id(request.parent_run_id, "parent_run_id")
        if request.experiments:
            scope.experiments = await self._store.experiment_ids(request.project, request.experiments)
        offset = _move(scope, orders, position)
        named = [
            key.name for key in (*keys_of(tree), *(o.key for o in orders)) if key.kind not in ("attribute", "dataset")
        ]
        keys = await self._store.known_keys(named)
        if request.count_only:
            return pb.SearchTrackedRunsResponse(total_count=await self._store.count(count_query(tree, keys, scope)))
        queries = search_queries(tree, orders, keys, scope, limit=size + 1, offset=offset)
        found = await self._store.find(queries, size + 1)
        runs = await self._store.load([row["id"] for row in found[:size]], columns)
        answer = pb.SearchTrackedRunsResponse(runs=[messages.tracked_run(run) for run in runs])
        if len(found) > size:
            last = found[size - 1]
            at = limits.to_micros(last["started_at"])
            answer.next_page_token = page_token([offset + size] if orders else [at, last["id"]], *question)
        return answer

    async def update_tracked_run(self, request: pb.UpdateTrackedRunRequest, call: Call) -> pb.UpdateTrackedRunResponse:
        run = await self._run(request.run_id, call)
        name = limits.check_name(request.name, "name") if request.name else None
        if request.state not in pb.TrackedRunState.values():
            hint = f"one of {', '.join(pb.TrackedRunState.keys()[1:])}"
            raise InvalidArgument(f"state: {request.state} is not a state", field="state", hint=hint)
        async with self._outbox.transaction() as tx:
            at = to_datetime(request.finished_at) if request.HasField("finished_at") else None
            row = await self._store.update_run(tx, run.id, request.state or None, name, at)
            if row["state"] != RUNNING and row["state"] != row["old_state"]:
                await finished.tell(
                    tx, run.id, row["uuid"], row["project"], row["experiment"], row["state"], row["finished_at"],
                    call.traceparent,
                )  # fmt: skip
        return pb.UpdateTrackedRunResponse(run=await self._load(run.id))

    async def log_batch(self, request: pb.LogBatchRequest, call: Call) -> pb.LogBatchResponse:
        run = await self._run(request.run_id, call)
        if len(request.metrics) > limits.MAX_METRICS:
            message = f"metrics: {len(request.metrics)} points, at most {limits.MAX_METRICS} at once"
            raise InvalidArgument(message, field="metrics", hint="send several batches")
        for number, metric in enumerate(request.metrics):
            limits.check_key(metric.key, f"metrics[{number}].key")
        batch = Batch(
            run=limits.check_run_id(request.run_id),
            project=run.project,
            batch_id=limits.check_batch_id(request.batch_id) or uuid7(),
            points=messages.points(request.metrics, limits.now_ms()),
            params=limits.check_texts(request.params, "param", field="params"),
            tags=limits.check_texts(request.tags, "tag", field="tags"),
        )
        await self._ingest.write([Target(run.id, batch)], strict=True)
        return pb.LogBatchResponse()

    async def log_batches(self, request: batches_pb2.LogBatchesRequest, call: Call) -> batches_pb2.LogBatchesResponse:
        sequence, refused = await self._write_packed(request, call)
        return batches_pb2.LogBatchesResponse(sequence=sequence, refused=refused)

    async def stream_batches(
        self, requests: AsyncIterator[batches_pb2.StreamBatchesRequest], call: Call
    ) -> AsyncIterator[batches_pb2.StreamBatchesResponse]:
        async for request in requests:
            sequence, refused = await self._write_packed(request, call)
            yield batches_pb2.StreamBatchesResponse(sequence=sequence, refused=refused)

    async def _write_packed(
        self, request: batches_pb2.LogBatchesRequest | batches_pb2.StreamBatchesRequest, call: Call
    ) -> tuple[int, list[batches_pb2.RefusedBatch]]:
        writer, found = packed.check_writer(request.writer), packed.read(request, limits.now_ms())
        sequence, refused = await self._writers.write(writer, found, visible(call.project))
        return sequence, [messages.refused(*each) for each in refused]

    async def get_metric_history(self, request: pb.GetMetricHistoryRequest, call: Call) -> pb.GetMetricHistoryResponse:
        run = await self._run(request.run_id, call)
        key = limits.check_key(request.key, "key")
        if request.max_points < 0:
            raise InvalidArgument(
                f"max_points: {request.max_points} is negative", field="max_points", hint="0 means all"
            )
        most = min(request.max_points or MAX_HISTORY, MAX_HISTORY)
        return pb.GetMetricHistoryResponse(points=messages.series(key, await self._store.history(run.id, key, most)))


def _move(scope: Scope, orders: list[Order], position: list[object] | None) -> int:
    """Where a page begins: after a run in the usual order, else at an offset, which is the answer."""
    try:
        match position:
            case None:
                return 0
            case [int(offset)] if orders and 0 <= offset <= MAX_OFFSET:
                return offset
            case [int(at), int(run)] if not orders:
                scope.after = (limits.from_micros(at), run)
                return 0
    except (OverflowError, ValueError):
        pass
    raise InvalidArgument("page_token: not a token of this list", field="page_token", hint="leave it empty to begin")
