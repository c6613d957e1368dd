"""The RPCs of logged models: what a run calls a model, before one is registered. No SQL here."""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headwater.api.registry.v1 import logged_models_pb2 as pb
from headwater_server.kit.clock import timestamp
from headwater_server.kit.database import Database, load_queries
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.hints import shown
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.kit.rpc import Call
from headwater_server.registry import facts, limits
from headwater_server.registry.logged_sql import logged_models_page
from headwater_server.registry.tags import changed

q = load_queries(__package__)
VERSIONS = "mlflow.modelVersions"
MAX_PARAMS = 5000
MAX_PARAM = 6000
MAX_METRICS = 10_000
MAX_NAME = 500
MAX_URI = 2000
_ID = re.compile(r"m-[0-9a-f]{32}\Z")
_BAD = ("/", ":", ".", "%", '"', "'")


class LoggedModels:
    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database, self._outbox = database, outbox

    async def create_logged_model(
        self, request: pb.CreateLoggedModelRequest, call: Call
    ) -> pb.CreateLoggedModelResponse:
        ident = request.model_id or f"m-{uuid.uuid4().hex}"
        if not _ID.match(ident):
            text = f"model_id: {shown(ident)} is not the id of a logged model"
            raise InvalidArgument(text, field="model_id", hint='"m-" and 32 hex digits')
        experiment = limits.check_word(request.experiment_id, "experiment_id", 64)
        root = limits.check_word(request.artifact_root, "artifact_root", MAX_URI)
        name, kind = _name(request.name), limits.check_word(request.type, "type")
        run = limits.check_word(request.source_run_id, "source_run_id")
        about = {"name": name, "run_id": run, "experiment_id": experiment, "model_type": kind}
        async with self._outbox.transaction() as tx:
            made = await tx.conn.fetchval(
                q.insert_logged_model,
                ident, request.project, experiment, name, kind, run, pb.LOGGED_MODEL_STATE_PENDING,
                f"{root.rstrip('/')}/{ident}/artifacts", _params({}, request.params), limits.check_tags(request.tags),
            )  # fmt: skip
            if made is not None:
                tx.emit(facts.logged(request.project, ident, about, call.actor, made), call.traceparent)
        return pb.CreateLoggedModelResponse(model=await self._model(request.project, ident))

    async def get_logged_model(self, request: pb.GetLoggedModelRequest, call: Call) -> pb.GetLoggedModelResponse:
        return pb.GetLoggedModelResponse(model=await self._model(request.project, request.model_id, request.deleted))

    async def search_logged_models(
        self, request: pb.SearchLoggedModelsRequest, call: Call
    ) -> pb.SearchLoggedModelsResponse:
        size = page_size(request.page_size)
        orders = [order.SerializeToString(deterministic=True) for order in request.order_by]
        question = ("logged", request.project, list(request.experiment_ids), request.filter, orders)
        match read_page_token(request.page_token, *question):
            case None:
                offset = 0
            case [int(number)] if 0 <= number < 2**31:
                offset = number
            case _:
                raise InvalidArgument("page_token: not a token of this list", field="page_token")
        found = logged_models_page(request, offset, size + 1)
        ids = [row["id"] for row in await self._database.fetch(found.sql, *found.args)]
        answer = pb.SearchLoggedModelsResponse(models=await self._models(ids[:size]))
        if len(ids) > size:
            answer.next_page_token = page_token([offset + size], *question)
        return answer

    async def update_logged_model(
        self, request: pb.UpdateLoggedModelRequest, call: Call
    ) -> pb.UpdateLoggedModelResponse:
        put = limits.check_tags(request.set_tags, "set_tags")
        async with self._database.transaction() as conn:
            row = await conn.fetchrow(q.lock_logged_model, request.project, request.model_id)
            if row is None:
                raise _unknown(request.model_id)
            for key in request.delete_tags:
                if key not in row["tags"]:
                    text = f"No tag with key {key!r} found for model with ID {request.model_id!r}."
                    raise NotFound(text, field="delete_tags", reason="TAG_NOT_FOUND")
            tags = changed(row["tags"], put, request.delete_tags)
            state = request.state or row["state"]
            await conn.execute(q.update_logged_model, row["id"], state, _params(row["params"], request.params), tags)
        return pb.UpdateLoggedModelResponse(model=await self._model(request.project, request.model_id))

    async def delete_logged_model(
        self, request: pb.DeleteLoggedModelRequest, call: Call
    ) -> pb.DeleteLoggedModelResponse:
        done = await self._database.execute(q.delete_logged_model, request.project, request.model_id)
        if done.endswith(" 0"):
            raise _unknown(request.model_id)
        return pb.DeleteLoggedModelResponse()

    async def log_model_metrics(self, request: pb.LogModelMetricsRequest, call: Call) -> pb.LogModelMetricsResponse:
        if len(request.metrics) > MAX_METRICS:
            text = f"metrics: {len(request.metrics)} at once, at most {MAX_METRICS} are allowed"
            raise InvalidArgument(text, field="metrics", hint="send them in several requests")
        for metric in request.metrics:
            for field in ("key", "run_id", "dataset_name", "dataset_digest"):
                limits.check_word(getattr(metric, field), f"metrics.{field}")
        columns = ("model_id", "key", "run_id", "step", "timestamp_ms", "value", "dataset_name", "dataset_digest")
        values = [[getattr(metric, column) for metric in request.metrics] for column in columns]
        await self._database.execute(q.log_model_metrics, request.project, *values)
        return pb.LogModelMetricsResponse()

    async def _model(self, project: str, ident: str, deleted: bool = False) -> pb.LoggedModel:
        row = await self._database.fetchrow(q.find_logged_model, project, ident.replace("\0", ""))
        if row is None or (row["deleted_at"] is not None and not deleted):
            raise _unknown(ident)
        return _message(row, await self._database.fetch(q.metrics_of_logged_models, [ident]))

    async def _models(self, ids: Sequence[str]) -> list[pb.LoggedModel]:
        rows = {row["id"]: row for row in await self._database.fetch(q.logged_models_by_id, list(ids))}
        metrics: dict[str, list[Any]] = {ident: [] for ident in ids}
        for point in await self._database.fetch(q.metrics_of_logged_models, list(ids)):
            metrics[point["model_id"]].append(point)
        return [_message(rows[ident], metrics[ident]) for ident in ids if ident in rows]


async def note_version(tx: OutboxTransaction, project: str, ident: str, name: str, version: int) -> None:
    """A logged model says in a tag which versions it became: in the transaction that makes the version, so that who
    tries again after a failure makes no second one."""
    row = await tx.conn.fetchrow(q.lock_logged_model, project, ident) if ident else None
    if row is None:
        return
    try:
        before = msgspec.json.decode(row["tags"].get(VERSIONS, "[]"), type=list[Any])
    except msgspec.DecodeError:  # somebody's own text stays
        return
    text = msgspec.json.encode([*before, {"name": name, "version": str(version)}]).decode()
    if len(text) <= limits.MAX_TAG:
        await tx.conn.execute(q.update_logged_model, ident, row["state"], row["params"], row["tags"] | {VERSIONS: text})


def _unknown(ident: str) -> NotFound:
    text = f"Logged model with ID '{ident[:100]}' not found."
    return NotFound(text, field="model_id", reason="LOGGED_MODEL_NOT_FOUND")


def _name(name: str) -> str:
    if not name or len(name) > MAX_NAME or any(c in name for c in _BAD) or not name.isprintable():
        raise InvalidArgument(
            f"Invalid model name ({name[:200]!r}) provided. Model name must be a non-empty string and cannot contain "
            f"the following characters: {_BAD}",
            field="name",
        )
    return name


def _params(before: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Written once: another value for a key that is there is refused."""
    for key, value in new.items():
        limits.check_text(value, f"params[{key[:250]!r}]", MAX_PARAM)
        if not key or len(key) > limits.MAX_KEY or not key.isprintable():
            raise InvalidArgument(f"params: {shown(key)} is not a key", field="params")
        if before.get(key, value) != value:
            text = f"params: {key!r} is {shown(before[key])} already; params are written once"
            raise InvalidArgument(text, field="params", hint="log another model")
    if len(before) + len(new) > MAX_PARAMS:
        raise InvalidArgument(f"params: more than {MAX_PARAMS}", field="params")
    return {**before, **new}


def _message(row: Any, metrics: Sequence[Any]) -> pb.LoggedModel:
    return pb.LoggedModel(
        model_id=row["id"],
        project=row["project"],
        experiment_id=row["experiment_id"],
        name=row["name"],
        type=row["type"],
        source_run_id=row["source_run_id"],
        state=row["state"],
        artifact_uri=row["artifact_uri"],
        params=row["params"],
        tags=row["tags"],
        metrics=[
            pb.LoggedModelMetric(
                model_id=m["model_id"], run_id=m["run_id"], key=m["key"], value=m["value"], step=m["step"],
                timestamp_ms=m["timestamp_ms"], dataset_name=m["dataset_name"], dataset_digest=m["dataset_digest"],
            )
            for m in metrics
        ],
        created_at=timestamp(row["created_at"]),
        updated_at=timestamp(row["updated_at"]),
        deleted=row["deleted_at"] is not None,
    )  # fmt: skip
