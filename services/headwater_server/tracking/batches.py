"""What arrives to be logged, in one shape: a Batch, from a MetricBatch on the bus, an RPC or a foreign event.

Owns the reading of untrusted JSON and the choice of the latest point. Never touches the database.
"""

import json
import math
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import msgspec

from headwater_server.kit.errors import InvalidArgument
from headwater_server.tracking import limits

# A message of the bus may hold more points than a call of the API: the agent joins what tasks log.
MAX_BUS_METRICS = 50_000


class Point(NamedTuple):
    key: str
    value: float
    step: int
    ts: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What one message logs to one run. task: "step/task_id" of a foreach, or ""."""

    run: uuid.UUID
    project: str
    batch_id: str = ""
    points: Sequence[Point] = ()
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    task: str = ""


def read_json(payload: bytes) -> Any:
    """Decoded JSON; also with the bare NaN and Infinity that Python's json module writes."""
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        value = json.loads(payload)
        json.dumps(value, ensure_ascii=False).encode()  # halves of characters are no text
        return value
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"the body is not JSON: {error}") from None


def _get(body: dict[str, Any], camel: str, snake: str, default: Any) -> Any:
    value = body.get(camel)
    if value is None:
        value = body.get(snake)
    return default if value is None else value


def read_points(items: object, now: int, *, most: int = limits.MAX_METRICS, where: str = "metrics") -> list[Point]:
    """Points from decoded JSON: [{"key", "value", "step", "timestampMs"}]. A missing time is now, a step 0."""
    if not isinstance(items, list):
        raise InvalidArgument(f"{where}: {limits.shown(items)} is not a list", field=where)
    if len(items) > most:
        raise InvalidArgument(
            f"{where}: {len(items)} points, at most {most} at once", field=where, hint="send several batches"
        )
    points: list[Point] = []
    known: set[str] = set()
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise InvalidArgument(
                f"{where}[{number}]: {limits.shown(item)} is not an object", field=f"{where}[{number}]"
            )
        points.append(_point(item, now, known, f"{where}[{number}]"))
    return points


def _point(item: dict[str, Any], now: int, known: set[str], where: str) -> Point:
    key, value, step = item.get("key"), item.get("value", 0.0), item.get("step", 0)
    ts = _get(item, "timestampMs", "timestamp_ms", now)
    # The checks cost more than the rest of this loop: the usual types pass without them.
    if type(key) is not str or key not in known:
        known.add(key := limits.check_key(key, f"{where}.key"))
    if type(value) is not float:
        value = limits.check_number(value, f"{where}.value")
    if type(step) is not int or type(ts) is not int or abs(step) >> 62 or abs(ts) >> 62:
        step = limits.check_integer(step, f"{where}.step")
        ts = limits.check_integer(ts, f"{where}.timestamp_ms")
    return Point(key, value, step, ts or now)


def read_texts(body: dict[str, Any], name: str, kind: str) -> dict[str, str]:
    values = body.get(name) or {}
    if not isinstance(values, dict):
        raise InvalidArgument(f"{name}: {limits.shown(values)} is not an object", field=name)
    return limits.check_texts(values, kind, field=name)


class _UsualPoint(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    key: str
    value: float = 0.0
    step: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] = 0
    timestampMs: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)] = 0


class _UsualBatch(msgspec.Struct, forbid_unknown_fields=True):
    metrics: list[_UsualPoint]
    runId: str | None = None
    batchId: str | None = None
    params: dict[str, str] | None = None
    tags: dict[str, str] | None = None
    task: str | None = None


_decode_usual = msgspec.json.Decoder(_UsualBatch).decode


def _usual(payload: bytes, now: int) -> tuple[dict[str, Any], list[Point]] | None:
    """What node agents send, decoded and checked in one go. None for anything else: point by point then, which takes
    several times as long and can say which field is wrong."""
    try:
        found = _decode_usual(payload)
        if len(found.metrics) > MAX_BUS_METRICS:
            return None
        for key in {point.key for point in found.metrics}:
            limits.check_key(key, "key")
    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidArgument):
        return None
    names = ("runId", "batchId", "params", "tags", "task")
    body = {name: getattr(found, name) for name in names}
    return body, [Point(p.key, p.value, p.step, p.timestampMs or now) for p in found.metrics]


def read_metric_batch(payload: bytes, project: str, subject_run: str, now: int) -> Batch:
    """A MetricBatch (JSON) of hw.metrics.v1.<project>.<run>. Raises InvalidArgument that names the field."""
    body, points = _usual(payload, now) or (read_json(payload), None)
    if not isinstance(body, dict):
        raise InvalidArgument(f"the body must be a JSON object, not {limits.shown(body)}")
    if points is None:
        points = read_points(body.get("metrics") or [], now, most=MAX_BUS_METRICS)
    run = limits.check_run_id(_get(body, "runId", "run_id", subject_run))
    if run != limits.check_run_id(subject_run, "subject"):
        raise InvalidArgument(f"run_id: {run} is not the run of the subject, {subject_run}", field="run_id")
    return Batch(
        run=run,
        project=project,
        batch_id=limits.check_batch_id(_get(body, "batchId", "batch_id", "")),
        points=points,
        params=read_texts(body, "params", "param"),
        tags=read_texts(body, "tags", "tag"),
        task=check_task(body.get("task") or ""),
    )


def check_task(task: object) -> str:
    if task == "":
        return ""
    step, _, task_id = task.partition("/") if isinstance(task, str) else ("", "", "")
    if not step or not task_id or len(str(task)) > limits.MAX_KEY:
        raise InvalidArgument(f"task: {limits.shown(task)} is not step/task_id", field="task", hint='e.g. "train/3"')
    return str(task)


def read_foreign(kind: str, body: object, project: str, batch_id: str, now: int) -> list[Batch]:
    """Batches of a foreign event hw.ext.<project>.<kind>, kind "metric", "param" or "tag"; body: an object or list."""
    items = body if isinstance(body, list) else [body]
    if not items or len(items) > limits.MAX_METRICS:
        raise InvalidArgument(f"the list holds {len(items)} entries, it must be 1 to {limits.MAX_METRICS}")
    by_run: dict[uuid.UUID, list[tuple[dict[str, Any], str]]] = {}
    for number, item in enumerate(items):
        where = f"[{number}]." if isinstance(body, list) else ""
        if not isinstance(item, dict):
            raise InvalidArgument(f"{where or 'the body'} {limits.shown(item)} is not an object", hint=_EXAMPLES[kind])
        _demand(item, kind, where)
        run = limits.check_run_id(_get(item, "runId", "run_id", None), f"{where}run_id")
        by_run.setdefault(run, []).append((item, where))
    return [_foreign_batch(kind, run, project, batch_id, entries, now) for run, entries in by_run.items()]


_EXAMPLES = {
    "metric": '{"run_id": "…", "key": "loss", "value": 0.1, "step": 3}',
    "param": '{"run_id": "…", "key": "lr", "value": "0.01"}',
    "tag": '{"run_id": "…", "key": "team", "value": "vision"}',
}


def _demand(item: dict[str, Any], kind: str, where: str) -> None:
    names = (("run_id", "runId"), ("key", "key"), ("value", "value"))
    for name, other in names:
        if item.get(name) is None and item.get(other) is None:
            raise InvalidArgument(f"{where}{name}: missing", field=f"{where}{name}", hint=f"e.g. {_EXAMPLES[kind]}")


def _foreign_batch(
    kind: str, run: uuid.UUID, project: str, batch_id: str, entries: list[tuple[dict[str, Any], str]], now: int
) -> Batch:
    if kind == "metric":
        points = [_foreign_point(item, where, now) for item, where in entries]
        return Batch(run, project, batch_id, points)
    texts: dict[str, str] = {}
    for item, where in entries:
        key, value = limits.check_key(item["key"], f"{where}key"), item["value"]
        # Numbers and booleans are welcome: curl users write them without quotes.
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        texts |= limits.check_texts({key: text}, kind, field=f"{where}value")
    return Batch(run, project, batch_id, params=texts) if kind == "param" else Batch(run, project, batch_id, tags=texts)


def _foreign_point(item: dict[str, Any], where: str, now: int) -> Point:
    ts = _get(item, "timestampMs", "timestamp_ms", item.get("timestamp", now))
    return Point(
        key=limits.check_key(item["key"], f"{where}key"),
        value=limits.check_number(item["value"], f"{where}value"),
        step=limits.check_integer(item.get("step") or 0, f"{where}step"),
        ts=limits.check_integer(ts, f"{where}timestamp_ms"),
    )


Row = tuple[int, int, int, int, float]


def latest(rows: Iterable[Row]) -> list[Row]:
    """Of (run, key, step, ts, value) rows the newest of each (run, key): by step, then time, then value, NaN highest.

    Sorted, so that two writers lock the rows of the table in the same order.
    """
    best: dict[tuple[int, int], Row] = {}
    for row in rows:
        series = row[:2]
        known = best.get(series)
        # Nearly always the steps decide.
        if known is None or row[2] > known[2] or (row[2] == known[2] and _age(row) > _age(known)):
            best[series] = row
    return [best[series] for series in sorted(best)]


def _age(row: Row) -> tuple[int, int, bool, float]:
    value = row[4]
    nan = math.isnan(value)
    return row[2], row[3], nan, 0.0 if nan else value
