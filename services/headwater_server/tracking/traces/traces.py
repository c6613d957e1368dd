"""Traces: made, looked at, tagged, linked to runs and prompts, deleted."""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from headwater_server.kit.database import Database
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.rpc import Call
from headwater_server.tracking.limits import now_ms
from headwater_server.tracking.mlflow import answers as mlflow_answers
from headwater_server.tracking.mlflow import checks
from headwater_server.tracking.mlflow.bodies import Pair
from headwater_server.tracking.mlflow.experiments import not_active
from headwater_server.tracking.mlflow.scope import Scope, no_experiment, seen
from headwater_server.tracking.store import Store, q
from headwater_server.tracking.traces import answers, bodies, names
from headwater_server.tracking.traces.assessments import put

# For spans that are still on their way when their trace is asked for.
PATIENCE, PAUSE = 3.0, 0.1


class Traces:
    def __init__(self, scope: Scope, database: Database) -> None:
        self._scope, self._store, self._database = scope, scope.store, database

    async def start(self, body: bodies.NewTrace, project: str, call: Call) -> dict[str, Any]:
        """Also of one whose spans came before."""
        trace = names.check_trace_id(body.trace_id or f"tr-{uuid.uuid4().hex}")
        row = await self._scope.experiment(body.experiment_id, project, call)
        if row["deleted"]:
            raise not_active(body.experiment_id)
        if body.state not in names.STATES:
            raise checks.invalid("state", body.state)
        metadata, tags = names.check_metadata(body.metadata), names.check_tags(body.tags)
        place = mlflow_answers.location(row["artifact_location"], mlflow_answers.experiment_id(row))
        tags[names.ARTIFACTS] = f"{place.rstrip('/')}/traces/{trace}/artifacts"
        shown = names.preview(body.request_preview), names.preview(body.response_preview)

        async def work() -> None:
            async with self._database.transaction() as conn:
                made: Any = await conn.fetchval(
                    q.tr_start, trace, row["project"], row["id"], body.state, body.started_ms or now_ms(),
                    body.duration_ms, body.client_request_id, *shown, metadata, tags, not body.legacy,
                )  # fmt: skip
                for assessment in body.assessments:
                    await put(conn, made, trace, assessment)

        try:
            await self._database.retrying(work)
        except asyncpg.ForeignKeyViolationError:
            raise no_experiment(body.experiment_id) from None
        return await self.info(bodies.OfTrace(trace, legacy=body.legacy), row["project"], call)

    async def end(self, body: bodies.EndTrace, project: str, call: Call) -> dict[str, Any]:
        row = await find(self._store, body.trace_id, project, call)
        if body.state not in names.STATES:
            raise checks.invalid("status", body.state)
        metadata, tags = names.check_metadata(body.metadata), names.check_tags(body.tags)
        await self._store.execute(q.tr_end, row["id"], body.ended_ms, body.state, metadata, tags)
        return await self.info(bodies.OfTrace(body.trace_id, legacy=True), row["project"], call)

    async def info(self, body: bodies.OfTrace, project: str, call: Call) -> dict[str, Any]:
        row = await find(self._store, body.trace_id, project, call)
        if body.legacy:
            return {"trace_info": answers.legacy_info(row)}
        (info,) = await infos(self._store, [row])
        return {"trace": {"trace_info": info}}

    async def get(self, body: bodies.OfTrace, project: str, call: Call) -> dict[str, Any]:
        """With its spans; waits a moment for those that are still on their way."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while True:
            row = await self._store.fetchrow(q.tr_one, body.trace_id, seen(call), project)
            if row is None:
                raise NotFound(f"Trace with ID {body.trace_id} is not found.")
            if found := await self._whole([row], partial=body.allow_partial):
                return {"trace": found[0]}
            if row["tags"].get(names.LOCATION) != names.HERE or loop.time() > deadline:
                break
            await asyncio.sleep(PAUSE)
        if row["tags"].get(names.LOCATION) != names.HERE:
            raise InvalidArgument("Trace data not stored in tracking store", field="trace_id")
        raise NotFound(f"Trace with ID {body.trace_id} is not fully exported yet, please try again later.")

    async def get_many(self, body: bodies.Traces, project: str, call: Call) -> dict[str, Any]:
        """Those whose spans have all come."""
        found = await self._whole(await self._rows(body, project, call), partial=False)
        return {"traces": found} if found else {}

    async def get_infos(self, body: bodies.Traces, project: str, call: Call) -> dict[str, Any]:
        found = await infos(self._store, await self._rows(body, project, call))
        return {"trace_infos": found} if found else {}

    async def artifact(self, body: bodies.OfTrace, project: str, call: Call) -> dict[str, Any]:
        """The spans as MLflow keeps them in a file; none: they are in a file indeed."""
        row = await find(self._store, body.trace_id, project, call)
        if row["tags"].get(names.LOCATION) != names.HERE:
            return {}
        return {"spans": [each["content"] for each in await self._store.fetch(q.tr_spans, [row["id"]])]}

    async def _rows(self, body: bodies.Traces, project: str, call: Call) -> list[Any]:
        """In the order in which they were asked for."""
        experiments = None
        if body.experiment_ids is not None:
            experiments = await self._scope.experiments(body.experiment_ids, project, call)
        found = await self._store.fetch(q.tr_many, body.trace_ids, seen(call), project, experiments)
        rows = {row["trace_id"]: row for row in found}
        return [rows[trace] for trace in dict.fromkeys(body.trace_ids) if trace in rows]

    async def _whole(self, rows: Sequence[Any], *, partial: bool) -> list[dict[str, Any]]:
        here = [row for row in rows if partial or row["tags"].get(names.LOCATION) == names.HERE]
        spans: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in await self._store.fetch(q.tr_spans, [row["id"] for row in here]):
            spans[row["trace"]].append(row["content"])
        whole = [row for row in here if partial or len(spans[row["id"]]) >= max(_expected(row), 1)]
        known = await infos(self._store, whole)
        return [
            {"trace_info": info, "spans": [answers.otel_span(content) for content in spans[row["id"]]]}
            for info, row in zip(known, whole, strict=True)
        ]

    async def set_tag(self, body: bodies.TraceTag, project: str, call: Call) -> dict[str, Any]:
        names.check_mutable(body.key, "set")
        key, value = checks.check_tag(Pair(body.key, body.value), "")
        row = await find(self._store, body.trace_id, project, call)
        await self._store.execute(q.tr_tag, row["id"], key, value)
        return {}

    async def delete_tag(self, body: bodies.TraceTag, project: str, call: Call) -> dict[str, Any]:
        names.check_mutable(body.key, "deleted")
        row = await find(self._store, body.trace_id, project, call)
        if await self._store.fetchrow(q.tr_untag, row["id"], body.key) is None:
            raise NotFound(f"No trace tag with key '{body.key}' for trace with ID '{body.trace_id}'")
        return {}

    async def delete(self, body: bodies.DeleteTraces, project: str, call: Call) -> dict[str, Any]:
        _check_delete(body)
        row = await self._scope.experiment(body.experiment_id, project, call)
        if body.request_ids:
            asked: tuple[Any, ...] = (q.tr_delete_listed, row["id"], body.request_ids)
        else:
            asked = (q.tr_delete_older, row["id"], body.max_timestamp_millis, body.max_traces)
        done = await self._database.execute(*asked)
        return {"traces_deleted": int(done.rpartition(" ")[2])}

    async def link_run(self, body: bodies.LinkRun, project: str, call: Call) -> dict[str, Any]:
        if (count := len(body.trace_ids)) > names.MAX_LINKS:
            raise InvalidArgument(
                f"Cannot link more than {names.MAX_LINKS} traces to a run in a single request. Provided {count} traces."
            )
        run, _ = await self._scope.run(body.run_id, call)
        await self._store.execute(q.tr_link_run, body.trace_ids, run.id, run.project)
        return {}

    async def link_prompts(self, body: bodies.LinkPrompts, project: str, call: Call) -> dict[str, Any]:
        row = await find(self._store, body.trace_id, project, call)
        await self._store.execute(q.tr_link_prompts, row["id"], body.prompts)
        return {}


async def find(store: Store, trace: str, project: str, call: Call) -> Any:
    """Its row. Raises NotFound."""
    row = await store.fetchrow(q.tr_one, trace, seen(call), project)
    if row is None:
        raise names.no_trace(trace)
    return row


async def infos(store: Store, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """With what was said of them."""
    said: dict[int, list[Any]] = defaultdict(list)
    for row in await store.fetch(q.tr_assessments, [row["id"] for row in rows]) if rows else ():
        said[row["trace"]].append(row)
    return [answers.trace_info(row, said[row["id"]]) for row in rows]


def _expected(row: Any) -> int:
    """So many spans has the trace, as its maker says."""
    try:
        sizes: Any = msgspec.json.decode(row["metadata"].get(names.SIZES, "{}"))
    except msgspec.DecodeError:
        return 0
    count = sizes.get("num_spans", 0) if isinstance(sizes, dict) else 0
    return count if isinstance(count, int) else 0


def _check_delete(body: bodies.DeleteTraces) -> None:
    if body.max_timestamp_millis is None and not body.request_ids:
        raise InvalidArgument("Either `max_timestamp_millis` or `trace_ids` must be specified.")
    if body.max_timestamp_millis is not None and body.request_ids:
        raise InvalidArgument("Only one of `max_timestamp_millis` and `trace_ids` can be specified.")
    if body.request_ids and body.max_traces is not None:
        raise InvalidArgument("`max_traces` can't be specified if `trace_ids` is specified.")
    if body.max_traces is not None and body.max_traces <= 0:
        raise InvalidArgument(f"`max_traces` must be a positive integer, received {body.max_traces}.")
