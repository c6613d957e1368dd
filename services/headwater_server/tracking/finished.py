"""The fact that a tracked run is over, with what it has logged and used until then: what lineage is made of."""

import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from headwater.api.events.v1 import events_pb2
from headwater.api.tracking.v1 import tracking_pb2 as pb
from headwater_server.kit.clock import timestamp
from headwater_server.kit.database import load_queries
from headwater_server.kit.outbox import OutboxTransaction

q = load_queries(__package__)
MOST = 1000
# Beginnings are enough of long texts: the event must fit into a message of the bus.
MOST_TEXT = 100
# Names of files, addresses.
MOST_SOURCE = 500
MOST_OTHER = 100
# Bytes of names and values of one sort.
MOST_BYTES = 64 * 1024


async def tell(
    tx: OutboxTransaction,
    run_id: int,
    run: uuid.UUID,
    project: str,
    experiment: str,
    state: int,
    at: datetime,
    traceparent: str = "",
) -> None:
    """run_id: its inner id."""
    rows: dict[str, list[Any]] = {}
    for row in await tx.conn.fetch(q.finished_with, run_id, MOST, MOST_OTHER):
        rows.setdefault(row["kind"], []).append(row)
    (about,) = rows["about"]
    name, version = about["others"]
    event = events_pb2.TrackedRunFinished(
        run_id=str(run), project=project, experiment=experiment, state=pb.TrackedRunState.Name(state),
        at=timestamp(at), parent_run_id=about["name"] or "",
        source_name=(name or "")[:MOST_SOURCE], source_version=(version or "")[:MOST_SOURCE],
    )  # fmt: skip
    for row in _some(rows.get("metric", []), "value"):
        event.metrics[row["name"]] = row["value"]
    for row in _some(rows.get("param", []), "text"):
        event.params[row["name"]] = row["text"][:MOST_TEXT]
    for row in rows.get("dataset", []):
        kind, source, context = row["others"]
        event.datasets.add(
            name=row["name"], digest=row["text"], source_type=kind, source=source[:MOST_SOURCE], context=context or ""
        )
    event.input_models.extend(row["name"] for row in rows.get("input", []))
    event.output_models.extend(row["name"] for row in rows.get("output", []))
    tx.emit(event, traceparent)


def _some(rows: Sequence[Any], column: str) -> Iterator[Any]:
    """As many as fit."""
    left = MOST_BYTES
    for row in rows:
        left -= len(row["name"].encode()) + len(str(row[column])[:MOST_TEXT].encode()) + 8
        if left < 0:
            return
        yield row
