"""Rows as messages of the API."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from headwater.api.tracking.v1 import batches_pb2
from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.clock import timestamp
from headwater_server.kit.errors import InvalidArgument, ServiceError
from headwater_server.tracking.batches import Point
from headwater_server.tracking.packed import Packed
from headwater_server.tracking.store import LoadedRun


def experiment(row: Any) -> pb.Experiment:
    return pb.Experiment(
        experiment_id=str(row["id"]),
        project=row["project"],
        name=row["name"],
        created_at=timestamp(row["created_at"]),
        tags=row["tags"],
        runs=row["runs"],
    )


def tracked_run(run: LoadedRun) -> pb.TrackedRun:
    row = run.row
    return pb.TrackedRun(
        run_id=run_id_text(row["uuid"]),
        project=row["project"],
        experiment=row["experiment"],
        name=row["name"],
        state=row["state"],
        started_at=timestamp(row["started_at"]),
        finished_at=timestamp(row["finished_at"]) if row["finished_at"] else None,
        parent_run_id=run_id_text(row["parent"]) if row["parent"] else "",
        params=run.params,
        tags=run.tags,
        metrics=[pb.Metric(key=m["name"], value=m["value"], step=m["step"], timestamp_ms=m["ts"]) for m in run.metrics],
    )


def moment(at: Timestamp, field: str) -> datetime:
    """Raises InvalidArgument where it is no time that the database knows."""
    try:
        found = at.ToDatetime(UTC)
    except (ValueError, OverflowError):
        found = None
    if found is None or found.year < 1970:
        raise InvalidArgument(f"{field}: {at.seconds} s is not a time since 1970", field=field)
    return found


def run_id_text(run: uuid.UUID) -> str:
    # asyncpg has a UUID class of its own
    return str(run)


def points(metrics: Iterable[pb.Metric], now: int) -> list[Point]:
    """Points of a request; one without a time is of now."""
    return [Point(m.key, m.value, m.step, m.timestamp_ms or now) for m in metrics]


def refused(batch: Packed, error: ServiceError) -> batches_pb2.RefusedBatch:
    return batches_pb2.RefusedBatch(sequence=batch.sequence, run_id=batch.run_id, code=error.code, message=str(error))


def series(key: str, rows: Iterable[Any]) -> list[pb.Metric]:
    return [pb.Metric(key=key, value=row["value"], step=row["step"], timestamp_ms=row["ts"]) for row in rows]
