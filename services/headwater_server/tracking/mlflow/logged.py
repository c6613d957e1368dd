"""What MLflow's clients log to a run: metrics, params, tags, by one or by the thousand."""

import uuid
from typing import Any

import msgspec

from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.rpc import Call
from headwater_server.tracking.mlflow import answers, bodies, checks
from headwater_server.tracking.mlflow.runs import run_gone
from headwater_server.tracking.mlflow.scope import Scope
from headwater_server.tracking.mlflow.writer import NOTHING, Columns, Entry, ParamsChange, RunGone, Writer
from headwater_server.tracking.store import RunRef, q


class Logged:
    def __init__(self, scope: Scope, writer: Writer) -> None:
        self._scope, self._store, self._writer = scope, scope.store, writer

    async def metric(self, body: bodies.LogMetric, project: str, call: Call) -> dict[str, Any]:
        metrics = [body.metric()]
        keys = checks.check_metrics(metrics, "")
        run, _ = await self._scope.run(body.run, call)
        await self._write(body.run, Entry(run.id, await self._columns(metrics, keys)))
        return _of_models(metrics, body.run)

    async def param(self, body: bodies.KeyValue, project: str, call: Call) -> dict[str, Any]:
        key, value = checks.check_param(bodies.Pair(body.key, body.value), "")
        run, _ = await self._scope.run(body.run, call)
        key_id = (await self._store.ensure_keys([key]))[key]
        try:
            await self._write(body.run, Entry(run.id, params={key_id: value}))
        except ParamsChange as error:
            raise InvalidArgument(
                f"Changing param values is not allowed. Param with key='{key}' was already logged with value="
                f"'{error.changes[0][1]}' for run ID='{body.run}'. Attempted logging new value '{value}'."
            ) from None
        return {}

    async def batch(self, body: bodies.LogBatch, project: str, call: Call) -> dict[str, Any]:
        name = checks.check_run_id(body.run)
        checks.check_batch(len(body.metrics), len(body.params), len(body.tags))
        keys = checks.check_metrics(body.metrics, "metrics[{}].")
        params = dict(checks.check_param(pair, f"params[{n}].") for n, pair in enumerate(body.params))
        tags = dict(checks.check_tag(pair, f"tags[{n}].") for n, pair in enumerate(body.tags))
        checks.check_unique(body.params)
        run, _ = await self._scope.run(name, call)
        tags = await self._special(run, tags)
        ids = await self._store.ensure_keys([*params, *tags]) if params or tags else {}
        entry = Entry(
            run.id,
            await self._columns(body.metrics, keys) if body.metrics else NOTHING,
            {ids[key]: value for key, value in params.items()},
            {ids[key]: value for key, value in tags.items()},
        )
        try:
            await self._write(name, entry)
        except ParamsChange as error:
            names = {number: key for key, number in ids.items()}
            changes = [{"key": names[k], "old_value": old, "new_value": new} for k, old, new in error.changes]
            raise InvalidArgument(
                f"Changing param values is not allowed. Params were already logged='{changes}' for run ID='{name}'."
            ) from None
        return _of_models(body.metrics, name)

    async def set_tag(self, body: bodies.KeyValue, project: str, call: Call) -> dict[str, Any]:
        key, value = checks.check_tag(bodies.Pair(body.key, body.value), "")
        run, _ = await self._scope.run(body.run, call)
        tags = await self._special(run, {key: value})
        ids = await self._store.ensure_keys(tags) if tags else {}
        await self._write(body.run, Entry(run.id, tags={ids[key]: value for key, value in tags.items()}))
        return {}

    async def delete_tag(self, body: bodies.KeyValue, project: str, call: Call) -> dict[str, Any]:
        run, _ = await self._scope.run(body.run, call)
        key_id = (await self._store.known_keys([body.key])).get(body.key)
        await self._write(body.run, Entry(run.id))
        if key_id is None or await self._store.fetchrow(q.ml_untag_run, run.id, key_id) is None:
            raise NotFound(f"No tag with name: {body.key} in run with id {body.run}")
        return {}

    async def _special(self, run: RunRef, tags: dict[str, str]) -> dict[str, str]:
        """The tags that are no more than tags: a name and a parent are what the run itself has."""
        left = dict(tags)
        if name := left.pop(answers.RUN_NAME, ""):
            await self._store.execute(q.ml_name_run, run.id, name)
        if parent := left.get(answers.PARENT):
            try:
                found = await self._store.fetchrow(q.ml_adopt, run.id, uuid.UUID(parent))
            except ValueError:
                found = None
            if found is not None:
                del left[answers.PARENT]
        return left

    async def _columns(self, metrics: list[bodies.Metric], keys: set[str]) -> Columns:
        ids = await self._store.ensure_keys(keys)
        return Columns(
            [ids[metric.key] for metric in metrics],
            [metric.step for metric in metrics],
            [metric.timestamp for metric in metrics],
            [metric.value for metric in metrics],
        )

    async def _write(self, run: str, entry: Entry) -> None:
        try:
            await self._writer.write(entry)
        except RunGone:
            raise run_gone(run) from None


def _of_models(metrics: list[bodies.Metric], run: str) -> dict[str, Any]:
    """Those that were measured on a model belong to it too; the caller takes them there."""
    found = [metric for metric in metrics if metric.model_id]
    return (
        {
            "model_metrics": [
                msgspec.to_builtins(metric) | {"run_id": run, "value": answers.number(metric.value)} for metric in found
            ]
        }
        if found
        else {}
    )
