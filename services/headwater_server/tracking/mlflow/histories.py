"""Series of metrics as MLflow's clients read them, made to JSON where the points are."""

from typing import Any

import msgspec

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.rpc import Call
from headwater_server.tracking.mlflow import answers, bodies
from headwater_server.tracking.mlflow.scope import Scope
from headwater_server.tracking.store import q

MAX_RUNS = 100
MAX_POINTS = 25_000
MAX_SAMPLE = 2_500


class Histories:
    def __init__(self, scope: Scope) -> None:
        self._scope, self._store = scope, scope.store

    async def one(self, body: bodies.History, project: str, call: Call) -> bytes:
        """The whole series without max_results, by time, step and value."""
        if body.max_results is not None and body.max_results <= 0:
            raise InvalidArgument(
                f"Invalid value {body.max_results} for parameter 'max_results' supplied. It must be a positive integer."
            )
        offset = bodies.offset_of(body.page_token)
        run, _ = await self._scope.run(body.run, call)
        key_id = (await self._store.known_keys([body.metric_key])).get(body.metric_key)
        if key_id is None:
            return b"{}"
        beginning = f'{{"key":{msgspec.json.encode(body.metric_key).decode()},"value":'
        row = await self._store.fetchrow(q.ml_history, run.id, key_id, offset, body.max_results, beginning)
        if row is None or row["text"] is None:
            return b"{}"
        token = f',"next_page_token":"{bodies.page_token(offset + (body.max_results or 0))}"' if row["more"] else ""
        return f'{{"metrics":[{row["text"]}]{token}}}'.encode()

    async def bulk(self, body: bodies.Histories, project: str, call: Call) -> dict[str, Any]:
        """Of several runs, one after the other, at most max_results points in all."""
        runs, key_id = await self._several(body, call, "GetMetricHistoryBulk")
        if key_id is None:
            return {"metrics": []}
        most = max(0, min(body.max_results, MAX_POINTS))
        rows = await self._store.fetch(q.ml_history_bulk, list(runs.values()), key_id, most)
        return {"metrics": _points(rows, runs, body.metric_key)}

    async def sample(self, body: bodies.Histories, project: str, call: Call) -> dict[str, Any]:
        """Of each run at most max_results points, evenly spread."""
        if not 1 <= body.max_results <= MAX_SAMPLE:
            raise InvalidArgument(f"max_results must be between 1 and {MAX_SAMPLE}.")
        if (body.start_step is None) != (body.end_step is None):
            raise InvalidArgument("If either start step or end step are specified, both must be specified.")
        if body.start_step is not None and body.end_step is not None and body.start_step > body.end_step:
            raise InvalidArgument(
                "end_step must be greater than start_step. "
                f"Found start_step={body.start_step} and end_step={body.end_step}."
            )
        runs, key_id = await self._several(body, call, "GetMetricHistoryBulkInterval")
        if key_id is None:
            return {}
        ids = list(runs.values())
        rows = await self._store.fetch(
            q.ml_history_sample, ids, key_id, body.max_results, body.start_step, body.end_step
        )
        return {"metrics": _points(rows, runs, body.metric_key)} if rows else {}

    async def _several(self, body: bodies.Histories, call: Call, request: str) -> tuple[dict[str, int], int | None]:
        if not body.run_ids:
            raise InvalidArgument(f"{request} request must specify at least one run_id.")
        if len(body.run_ids) > MAX_RUNS:
            raise InvalidArgument(
                f"{request} request cannot specify more than {MAX_RUNS} run_ids. Received {len(body.run_ids)} run_ids."
            )
        runs = await self._scope.runs(sorted(body.run_ids), call)
        return runs, (await self._store.known_keys([body.metric_key])).get(body.metric_key)


def _points(rows: list[Any], runs: dict[str, int], key: str) -> list[dict[str, Any]]:
    """In the order of the runs' public ids."""
    by_run: dict[int, list[dict[str, Any]]] = {}
    names = {ident: name for name, ident in runs.items()}
    for row in rows:
        run = row["run_id"]
        point = {"key": key, "value": answers.number(row["value"]), "timestamp": row["ts"], "step": row["step"]}
        by_run.setdefault(run, []).append(point | {"run_id": names[run]})
    return [point for run in runs.values() for point in by_run.get(run, ())]
