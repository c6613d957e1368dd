"""The RPCs for MLflow's clients: one table of methods per right that a caller needs. No SQL here."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from headwater.api.tracking.v1 import mlflow_pb2 as pb
from headwater_server.kit.errors import NotFound
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.rpc import Call
from headwater_server.tracking.ingest import Ingest
from headwater_server.tracking.mlflow import bodies
from headwater_server.tracking.mlflow.experiments import Experiments
from headwater_server.tracking.mlflow.histories import Histories
from headwater_server.tracking.mlflow.logged import Logged
from headwater_server.tracking.mlflow.runs import Runs
from headwater_server.tracking.mlflow.scope import Scope
from headwater_server.tracking.mlflow.search import Search
from headwater_server.tracking.mlflow.writer import Writer
from headwater_server.tracking.store import Store
from headwater_server.tracking.traces.api import tables as trace_tables

Handler = Callable[[Any, str, Call], Awaitable[dict[str, Any] | bytes]]
Table = dict[str, tuple[type, Handler]]


class MlflowApi:
    """Part of the tracking servicer."""

    def __init__(self, store: Store, ingest: Ingest, outbox: Outbox, writer: Writer) -> None:
        scope = Scope(store, ingest, outbox)
        experiments, runs = Experiments(scope, outbox), Runs(scope, outbox)
        search, histories, logged = Search(scope), Histories(scope), Logged(scope, writer)
        self._reads: Table = {
            "experiments/get": (bodies.OfExperiment, experiments.get),
            "experiments/get-by-name": (bodies.OfExperiment, experiments.get_by_name),
            "experiments/search": (bodies.SearchExperiments, experiments.search),
            "experiments/search-datasets": (bodies.SearchDatasets, experiments.search_datasets),
            "runs/get": (bodies.OfRun, search.get),
            "runs/search": (bodies.SearchRuns, search.search),
            "metrics/get-history": (bodies.History, histories.one),
            "metrics/get-history-bulk": (bodies.Histories, histories.bulk),
            "metrics/get-history-bulk-interval": (bodies.Histories, histories.sample),
        }
        self._logs: Table = {
            "experiments/create": (bodies.CreateExperiment, experiments.create),
            "experiments/set-experiment-tag": (bodies.OfExperiment, experiments.set_tag),
            "runs/create": (bodies.CreateRun, runs.create),
            "runs/update": (bodies.UpdateRun, runs.update),
            "runs/log-metric": (bodies.LogMetric, logged.metric),
            "runs/log-batch": (bodies.LogBatch, logged.batch),
            "runs/log-parameter": (bodies.KeyValue, logged.param),
            "runs/log-model": (bodies.LogModel, runs.log_model),
            "runs/log-inputs": (bodies.LogInputs, runs.log_inputs),
            "runs/outputs": (bodies.LogOutputs, runs.log_outputs),
            "runs/set-tag": (bodies.KeyValue, logged.set_tag),
            "runs/delete-tag": (bodies.KeyValue, logged.delete_tag),
        }
        self._changes: Table = {
            "experiments/update": (bodies.OfExperiment, experiments.rename),
            "experiments/delete": (bodies.OfExperiment, experiments.delete),
            "experiments/restore": (bodies.OfExperiment, experiments.restore),
            "experiments/delete-experiment-tag": (bodies.OfExperiment, experiments.delete_tag),
            "runs/delete": (bodies.OfRun, runs.delete),
            "runs/restore": (bodies.OfRun, runs.restore),
        }
        of_traces = trace_tables(scope, store.database)
        for table, more in zip((self._reads, self._logs, self._changes), of_traces, strict=True):
            table |= more

    async def read_mlflow(self, request: pb.ReadMlflowRequest, call: Call) -> pb.ReadMlflowResponse:
        return pb.ReadMlflowResponse(json=await _answer(self._reads, request, call))

    async def log_mlflow(self, request: pb.LogMlflowRequest, call: Call) -> pb.LogMlflowResponse:
        return pb.LogMlflowResponse(json=await _answer(self._logs, request, call))

    async def change_mlflow(self, request: pb.ChangeMlflowRequest, call: Call) -> pb.ChangeMlflowResponse:
        return pb.ChangeMlflowResponse(json=await _answer(self._changes, request, call))


async def _answer(
    table: Table, request: pb.ReadMlflowRequest | pb.LogMlflowRequest | pb.ChangeMlflowRequest, call: Call
) -> bytes:
    if request.method not in table:
        raise NotFound(f"method: there is no {request.method!r}", field="method", hint=f"one of {', '.join(table)}")
    kind, handle = table[request.method]
    reply = await handle(bodies.decode(request.json, kind), request.project, call)
    return reply if isinstance(reply, bytes) else msgspec.json.encode(reply)
