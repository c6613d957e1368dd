"""The life of a run as MLflow's clients lead it: create, update, delete, restore, what went in and what came out."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from headwater_server.kit.clock import now
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.rpc import Call
from headwater_server.tracking import finished
from headwater_server.tracking.limits import from_micros
from headwater_server.tracking.mlflow import answers, bodies, checks
from headwater_server.tracking.mlflow.experiments import not_active
from headwater_server.tracking.mlflow.scope import Scope, no_experiment, seen
from headwater_server.tracking.names import name_for
from headwater_server.tracking.store import RunRef, q

_GOING_ON = (1, 5)
_HISTORY_TAG = "mlflow.log-model.history"
_CONTEXT = "mlflow.data.context"
_MODEL_PARTS = ("run_id", "utc_time_created", "artifact_path", "model_uuid")
_LAST_MICROSECOND = 253_402_300_799_999_999


class Runs:
    def __init__(self, scope: Scope, outbox: Outbox) -> None:
        self._scope, self._store, self._outbox = scope, scope.store, outbox

    async def create(self, body: bodies.CreateRun, project: str, call: Call) -> dict[str, Any]:
        tags = dict(checks.check_tag(tag, f"tags[{n}].") for n, tag in enumerate(body.tags))
        named = tags.pop(answers.RUN_NAME, "")
        if body.run_name and named and body.run_name != named:
            raise InvalidArgument(
                "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
                f"(run_name='{body.run_name}', mlflow.runName='{named}')."
            )
        run = uuid.uuid4()
        name = (body.run_name or named or name_for(str(run))).replace("\0", "")[: checks.MAX_TAG]
        started = moment(body.start_time) if body.start_time else now()
        user = body.user_id.replace("\0", "")[: checks.MAX_KEY] or call.actor.name
        parent = _uuid_of(tags.get(answers.PARENT, ""))
        keys = await self._store.ensure_keys(tags) if tags else {}
        row = None
        while row is None:
            experiment = await self._scope.experiment_key(body.experiment_id, project)
            row = await self._store.fetchrow(
                q.ml_create_run, run, experiment, seen(call), parent, name, started, user,
                [keys[key] for key in tags], list(tags.values()),
            )  # fmt: skip
            if row is None and not self._scope.forget(body.experiment_id, project):
                raise no_experiment(body.experiment_id)
        if row["deleted"]:
            raise not_active(answers.experiment_id(row, "experiment", "experiment_id"))
        self._store.know(run, RunRef(row["id"], row["project"]))
        made = _Row(row.items(), uuid=run, name=name, state=1, started_at=started, finished_at=None, user_name=user)
        made["parent"] = parent if row["parent_id"] else None
        data = {"tags": answers.tag_list(made, tags)}
        return {"run": {"info": answers.run_info(made, tags), "data": data, "inputs": {}}}

    async def update(self, body: bodies.UpdateRun, project: str, call: Call) -> dict[str, Any]:
        run, _ = await self._scope.run(body.run, call)
        state = _state(body.status)
        ended = moment(body.end_time) if body.end_time is not None else None
        name = body.run_name.replace("\0", "")[: checks.MAX_TAG] or None
        async with self._outbox.transaction() as tx:
            row = await tx.conn.fetchrow(q.ml_update_run, run.id, state, ended, name)
            if row is None:
                raise run_gone(body.run)
            if row["state"] not in _GOING_ON and row["state"] != row["old_state"]:
                await finished.tell(
                    tx, run.id, row["uuid"], row["project"], row["experiment"], row["state"], row["finished_at"],
                    call.traceparent,
                )  # fmt: skip
        return {"run_info": answers.run_info(row, {})}

    async def delete(self, body: bodies.OfRun, project: str, call: Call) -> dict[str, Any]:
        return await self._mark(body, call, deleted=True)

    async def restore(self, body: bodies.OfRun, project: str, call: Call) -> dict[str, Any]:
        return await self._mark(body, call, deleted=False)

    async def _mark(self, body: bodies.OfRun, call: Call, *, deleted: bool) -> dict[str, Any]:
        run, _ = await self._scope.run(body.run, call)
        await self._store.execute(q.ml_mark_run, run.id, deleted)
        return {}

    async def log_inputs(self, body: bodies.LogInputs, project: str, call: Call) -> dict[str, Any]:
        """Datasets and models that the run uses; of two with the same name and digest the first counts."""
        if len(body.datasets) > checks.MAX_ENTITIES:
            raise InvalidArgument(f"At most {checks.MAX_ENTITIES} datasets can be logged at once.")
        for each in body.datasets:
            checks.check_dataset(each)
        run, _ = await self._scope.run(checks.check_run_id(body.run), call)
        given: dict[tuple[str, str], bodies.DatasetInput] = {}
        for each in body.datasets:
            given.setdefault((each.dataset.name, each.dataset.digest), each)
        names, digests = [key[0] for key in given], [key[1] for key in given]
        sets = [each.dataset for each in given.values()]
        tags = [msgspec.json.encode(each.tags).decode() for each in given.values()]
        contexts = [next((t.value for t in each.tags if t.key == _CONTEXT), None) for each in given.values()]
        async with self._outbox.transaction() as tx:
            await self._demand_active(tx, run, body.run)
            if given:
                rest = ([getattr(s, part) for s in sets] for part in ("source_type", "source", "schema", "profile"))
                await tx.conn.execute(q.ml_add_datasets, run.id, names, digests, *rest)
                await tx.conn.execute(q.ml_use_datasets, run.id, names, digests, tags, contexts)
            await self._use_models(tx, run, body.models, output=False)
        return {}

    async def log_outputs(self, body: bodies.LogOutputs, project: str, call: Call) -> dict[str, Any]:
        run, _ = await self._scope.run(body.run, call)
        async with self._outbox.transaction() as tx:
            await self._demand_active(tx, run, body.run)
            await self._use_models(tx, run, body.models, output=True)
        return {}

    async def log_model(self, body: bodies.LogModel, project: str, call: Call) -> dict[str, Any]:
        """Adds to the list of models that the run keeps as a tag."""
        entry = _model_entry(body.model_json)
        run, _ = await self._scope.run(body.run, call)
        key = (await self._store.ensure_keys([_HISTORY_TAG]))[_HISTORY_TAG]
        async with self._outbox.transaction() as tx:
            await self._demand_active(tx, run, body.run)
            await tx.conn.execute(q.ml_lock_run, run.id)  # there may be no tag to lock yet
            old = await tx.conn.fetchval(q.ml_tag, run.id, key)
            history = [*(msgspec.json.decode(old, type=list[Any]) if old else []), entry]
            await tx.conn.execute(q.upsert_tags, [run.id], [key], [msgspec.json.encode(history).decode()])
        return {}

    async def _use_models(self, tx: Any, run: RunRef, models: list[bodies.Model], *, output: bool) -> None:
        by_id = {model.model_id: model.step for model in models}
        if by_id:
            await tx.conn.execute(q.ml_use_models, run.id, output, list(by_id), list(by_id.values()))

    async def _demand_active(self, tx: Any, run: RunRef, text: str) -> None:
        if await tx.conn.fetchval(q.ml_active, [run.id]) is None:
            raise run_gone(text)


class _Row(dict[str, Any]):
    """A row that was just written, as if it had been read."""

    def __init__(self, row: Iterable[tuple[str, Any]], **more: Any) -> None:
        super().__init__(row)
        self.update(more)


def run_gone(run: str) -> InvalidArgument:
    return InvalidArgument(f"The run {run} must be in the 'active' state. Current state is deleted.")


def moment(millis: int) -> datetime:
    """Raises InvalidArgument where it is after all times."""
    if not 0 <= millis * 1000 <= _LAST_MICROSECOND:
        raise checks.invalid("time", millis, "milliseconds since 1970 are expected")
    return from_micros(millis * 1000).astimezone(UTC)


def _state(status: str | int | None) -> int | None:
    if status is None:
        return None
    name = answers.STATUS_NUMBERS.get(status) if isinstance(status, int) else status
    if name not in answers.STATUS[1:]:
        raise checks.invalid("status", status, f"it is one of {', '.join(answers.STATUS_NUMBERS.values())}")
    return answers.STATUS.index(name)


def _uuid_of(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def _model_entry(text: str) -> dict[str, Any]:
    try:
        model = msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError:
        raise InvalidArgument(f"Malformed model info. \n {text[:1000]} \n is not a valid JSON.") from None
    if absent := {"artifact_path", "flavors", "utc_time_created", "run_id"} - model.keys():
        raise InvalidArgument(f"Model json is missing mandatory fields: {absent}")
    entry = {part: model[part] for part in _MODEL_PARTS if part in model}
    flavors = model["flavors"] if isinstance(model["flavors"], dict) else {}
    entry["flavors"] = {
        name: {k: v for k, v in config.items() if k != "config"} if isinstance(config, dict) else config
        for name, config in flavors.items()
    }
    return entry
