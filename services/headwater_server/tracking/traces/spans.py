"""Spans as they come, one or thousands, of one trace or many: stored with what they tell of their traces.

A span that comes again replaces itself. What the maker of a trace has said of it, spans that come later do not change.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import asyncpg
import msgspec

from headwater_server.kit.database import Database
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.rpc import Call
from headwater_server.tracking.mlflow import answers as mlflow_answers
from headwater_server.tracking.mlflow import checks
from headwater_server.tracking.mlflow.bodies import Pair
from headwater_server.tracking.mlflow.experiments import not_active
from headwater_server.tracking.mlflow.scope import Scope, no_experiment
from headwater_server.tracking.store import q
from headwater_server.tracking.traces import names, previews, usage
from headwater_server.tracking.traces.bodies import LogSpans, Span

_MS = 1_000_000
_STATUSES = ("UNSET", "OK", "ERROR")


class _Told(NamedTuple):
    """What the spans of one trace tell of it."""

    trace_id: str
    state: str
    started_ms: int
    duration_ms: int | None
    request: str | None
    response: str | None
    metadata: dict[str, str]
    tags: dict[str, str]


class Spans:
    def __init__(self, scope: Scope, database: Database) -> None:
        self._scope, self._database = scope, database

    async def log(self, body: LogSpans, project: str, call: Call) -> dict[str, Any]:
        row = await self._scope.experiment(body.experiment_id, project, call)
        if row["deleted"]:
            raise not_active(body.experiment_id)
        run = (await self._scope.run(body.run_id, call))[0].id if body.run_id else None
        traces: dict[str, list[Span]] = defaultdict(list)
        for span in body.spans:
            _check(span)
            traces[names.check_trace_id(span.trace_id)].append(span)
        told = [_told(trace, spans, body.resources.get(trace, {}), row) for trace, spans in traces.items()]

        async def work() -> None:
            async with self._database.transaction() as conn:
                await _store(conn, row, told, traces)
                if run is not None:
                    done = [each.trace_id for each in told if each.state != "IN_PROGRESS"]
                    await conn.execute(q.tr_link_run, done, run, row["project"])

        if traces:
            try:
                await self._database.retrying(work)
            except asyncpg.ForeignKeyViolationError:
                raise no_experiment(body.experiment_id) from None
        return {}


async def _store(conn: asyncpg.Connection, experiment: Any, told: list[_Told], traces: dict[str, list[Span]]) -> None:
    rows = await conn.fetch(
        q.tr_spans_of, experiment["project"], experiment["id"], [t.trace_id for t in told], [t.state for t in told],
        [t.started_ms for t in told], [t.duration_ms for t in told], [t.request for t in told],
        [t.response for t in told], [_text(t.metadata) for t in told], [_text(t.tags) for t in told],
    )  # fmt: skip
    ids = {row["trace_id"]: row["id"] for row in rows}
    # The last one of a span that comes twice: a statement may touch a row only once.
    spans = {(ids[span.trace_id], span.span_id): span for each in traces.values() for span in each}
    every = list(spans.values())
    await conn.execute(
        q.tr_put_spans, [trace for trace, _ in spans], [s.span_id for s in every], [s.parent_id for s in every],
        [s.name for s in every], [s.type for s in every], [s.status for s in every], [s.start_ns for s in every],
        [s.end_ns for s in every], [_text(s.content) for s in every],
    )  # fmt: skip
    await _sum_up(conn, [row for row in rows if any(_uses(span) for span in traces[row["trace_id"]])])


async def _sum_up(conn: asyncpg.Connection, traces: Sequence[Any]) -> None:
    """What traces have used, from all spans that have come: parents and children may come in different requests."""
    if not traces:
        return
    used: dict[int, list[Any]] = defaultdict(list)
    for row in await conn.fetch(q.tr_used, [trace["id"] for trace in traces]):
        used[row["trace"]].append(row)
    for trace in traces:
        found: dict[str, str] = {}
        rows = used[trace["id"]]
        for key, column, keys, sometimes in (
            (names.USAGE, "usage", usage.TOKENS, usage.CACHED),
            (names.COST, "cost", usage.COSTS, ()),
        ):
            if trace["finalized"] and key in trace["metadata"]:
                continue
            nodes = [usage.Node(row["span_id"], row["parent_id"], usage.read(row[column])) for row in rows]
            if total := usage.total(nodes, keys, sometimes):
                found[key] = _text(total)
        if found:
            await conn.execute(q.tr_add_metadata, trace["id"], found)


def _uses(span: Span) -> bool:
    attributes = span.content["attributes"]
    return names.SPAN_USAGE in attributes or names.SPAN_COST in attributes


def _told(trace: str, spans: list[Span], resource: dict[str, str], experiment: Any) -> _Told:
    root = next((span for span in spans if span.parent_id is None), None)
    started = min(span.start_ns for span in spans) // _MS
    ends = [span.end_ns for span in spans if span.end_ns is not None]
    place = mlflow_answers.location(experiment["artifact_location"], mlflow_answers.experiment_id(experiment))
    tags = dict(_tags(resource))
    metadata: dict[str, str] = {}
    for key, attributes in ((names.SESSION, ("session.id", "gen_ai.conversation.id")), (names.USER, ("user.id",))):
        said = (span.content["attributes"].get(name) for span in spans for name in attributes)
        if value := next((_plain(text) for text in said if text), ""):
            metadata[key] = value
    request = response = None
    if root is not None:
        attributes = root.content["attributes"]
        tags |= dict(_tags(_own_tags(attributes)))
        request = previews.of_text(attributes.get(names.SPAN_INPUTS), "user")
        response = previews.of_text(attributes.get(names.SPAN_OUTPUTS), "assistant")
    tags |= {names.LOCATION: names.HERE, names.ARTIFACTS: f"{place.rstrip('/')}/traces/{trace}/artifacts"}
    return _Told(
        trace,
        "IN_PROGRESS" if root is None else "ERROR" if root.status == "ERROR" else "OK",
        started,
        max(ends) // _MS - started if ends else None,
        request,
        response,
        names.check_metadata(metadata),
        tags,
    )


def _own_tags(attributes: dict[str, Any]) -> dict[str, str]:
    """Tags of the trace that travel as attributes of its root."""
    prefix = names.TAG_ATTRIBUTE
    return {key.removeprefix(prefix): _plain(text) for key, text in attributes.items() if key.startswith(prefix)}


def _tags(values: dict[str, str]) -> Iterable[tuple[str, str]]:
    """Those that can be tags: nobody who sends spans can mend the others."""
    for key, value in values.items():
        try:
            yield checks.check_tag(Pair(key, value), "")
        except InvalidArgument:
            continue


def _plain(text: object) -> str:
    """Attributes are JSON in texts."""
    if not isinstance(text, str):
        return str(text)
    try:
        value: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return value if isinstance(value, str) else text


def _check(span: Span) -> None:
    if span.status not in _STATUSES or span.start_ns < 0 or not isinstance(span.content.get("attributes"), dict):
        raise InvalidArgument(f"span {span.span_id!r} of trace {span.trace_id!r} is malformed", field="spans")


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
