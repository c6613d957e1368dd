"""Runs as MLflow's clients read them: one, or a page of those that a filter finds."""

from collections.abc import Sequence
from typing import Any

import msgspec

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.rpc import Call
from headwater_server.tracking.columns import EVERYTHING, Columns, parse_columns
from headwater_server.tracking.filters import keys_of, parse_filter, parse_order
from headwater_server.tracking.mlflow import answers, bodies, checks
from headwater_server.tracking.mlflow.experiment_sql import view
from headwater_server.tracking.mlflow.scope import Scope, no_run
from headwater_server.tracking.search_sql import Scope as SearchScope
from headwater_server.tracking.search_sql import count_query, search_queries
from headwater_server.tracking.store import q

# Made to JSON in one go: whoever else waits must not wait for a page of 50,000.
RUNS_AT_ONCE = 500


class Search:
    def __init__(self, scope: Scope) -> None:
        self._scope, self._store = scope, scope.store

    async def get(self, body: bodies.OfRun, project: str, call: Call) -> dict[str, Any]:
        run, _ = await self._scope.run(body.run, call)
        for loaded in await self.load([run.id]):
            return {"run": loaded}
        raise no_run(body.run)  # it has gone meanwhile

    async def search(self, body: bodies.SearchRuns, project: str, call: Call) -> bytes:
        if body.max_results > checks.MAX_RUNS:
            raise checks.invalid("max_results", body.max_results, f" Hint: Value was of type 'int'.{checks.DOCS}")
        size = checks.check_max_results(body.max_results, checks.MAX_RUNS)
        offset = bodies.offset_of(body.page_token)
        tree = parse_filter(body.filter)
        columns = parse_columns(body.columns)
        orders = [parse_order(text) for text in body.order_by]
        if len({order.key for order in orders}) < len(orders):
            raise InvalidArgument(f"`order_by` contains duplicate fields: {body.order_by}")
        scope = SearchScope(None, deleted=view(body.run_view_type))
        scope.experiments = await self._scope.experiments(body.experiment_ids, project, call)
        if not scope.experiments:
            return b'{"total_count":0}' if body.count_only else b"{}"
        named = [key.name for key in (*keys_of(tree), *(o.key for o in orders)) if key.kind in _LOGGED]
        keys = await self._store.known_keys(named)
        if body.count_only:
            return b'{"total_count":%d}' % await self._store.count(count_query(tree, keys, scope))
        queries = search_queries(tree, orders, keys, scope, limit=size + 1, offset=offset)
        found = [row["id"] for row in await self._store.find(queries, size + 1)]
        if not found:
            return b"{}"
        parts: list[bytes] = []
        page = found[:size]
        for start in range(0, len(page), RUNS_AT_ONCE):
            parts.append(msgspec.json.encode(await self.load(page[start : start + RUNS_AT_ONCE], columns))[1:-1])
        token = f',"next_page_token":"{bodies.page_token(offset + size)}"' if len(found) > size else ""
        return b'{"runs":[' + b",".join(parts) + b"]" + token.encode() + b"}"

    async def load(self, ids: Sequence[int], columns: Columns = EVERYTHING) -> list[dict[str, Any]]:
        """Runs with what is asked for of all that they hold, in the order of the ids."""
        wanted = columns.wanted(await self._store.known_keys(columns.names))
        rows = await self._store.fetch(q.ml_runs, ids)
        held: dict[str, dict[int, Any]] = {"param": {}, "tag": {}, "metric": {}}
        for row in await self._store.fetch(q.ml_logged, ids, wanted.params, wanted.tags, wanted.metrics):
            held[row["kind"]][row["run_id"]] = row
        params, tags, latest = held.values()
        names = await self._store.names_of(
            {key for part in held.values() for row in part.values() for key in row["keys"]}
        )
        linked = [row["id"] for row in rows if row["linked"]] if columns is EVERYTHING else []
        inputs = await self._inputs(linked) if linked else {}
        found: list[dict[str, Any]] = []
        for row in rows:
            run = row["id"]
            texts = _texts(tags.get(run), names)
            data: dict[str, Any] = {"tags": answers.tag_list(row, texts)}
            if (metrics := latest.get(run)) is not None:
                data["metrics"] = _metrics(metrics, names)
            if (pairs := params.get(run)) is not None:
                values = zip(pairs["keys"], pairs["texts"], strict=True)
                data["params"] = [{"key": names[key], "value": value} for key, value in values]
            found.append({"info": answers.run_info(row, texts), "data": data} | inputs.get(run, _NO_INPUTS))
        return found

    async def _inputs(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Inputs and outputs of the runs that have any."""
        found: dict[int, dict[str, Any]] = {}
        for row in await self._store.fetch(q.ml_datasets, ids):
            inputs = _part(found, row["run_id"], "inputs")
            inputs.setdefault("dataset_inputs", []).append(answers.dataset_input(row))
        for row in await self._store.fetch(q.ml_models, ids):
            if row["output"]:
                outputs = _part(found, row["run_id"], "outputs")
                model = {"model_id": row["model_id"], "step": row["step"]}
                outputs.setdefault("model_outputs", []).append(model)
            else:
                inputs = _part(found, row["run_id"], "inputs")
                inputs.setdefault("model_inputs", []).append({"model_id": row["model_id"]})
        return found


_LOGGED = ("metric", "param", "tag")
_NO_INPUTS: dict[str, Any] = {"inputs": {}, "outputs": {}}


def _part(found: dict[int, dict[str, Any]], run: int, name: str) -> dict[str, Any]:
    return found.setdefault(run, {"inputs": {}, "outputs": {}})[name]


def _texts(row: Any, names: dict[int, str]) -> dict[str, str]:
    return {} if row is None else {names[key]: value for key, value in zip(row["keys"], row["texts"], strict=True)}


def _metrics(row: Any, names: dict[int, str]) -> list[dict[str, Any]]:
    columns = zip(row["keys"], row["numbers"], row["times"], row["steps"], strict=True)
    return [
        {
            "key": names[key],
            "value": value if value - value == 0 else answers.number(value),
            "timestamp": ts,
            "step": step,
        }
        for key, value, ts, step in columns
    ]
