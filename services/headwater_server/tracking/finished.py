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
    about = await tx.conn.fetchrow(q.finished_about, run_id)
    assert about is not None
    event = events_pb2.TrackedRunFinished(
        run_id=str(run), project=project, experiment=experiment, state=pb.TrackedRunState.Name(state),
        at=timestamp(at), parent_run_id=str(about["parent"] or ""),
        source_name=(about["source_name"] or "")[:MOST_SOURCE],
        source_version=(about["source_version"] or "")[:MOST_SOURCE],
    )  # fmt: skip
    for row in _some(await tx.conn.fetch(q.finished_metrics, run_id, MOST)):
        event.metrics[row["name"]] = row["value"]
    if not about["of_flow"]:  # those of a flow's run were told at its start
        for row in _some(await tx.conn.fetch(q.finished_params, run_id, MOST)):
            event.params[row["name"]] = row["value"][:MOST_TEXT]
    for row in await tx.conn.fetch(q.finished_datasets, run_id, MOST_OTHER):
        event.datasets.add(
            name=row["name"], digest=row["digest"], source_type=row["source_type"],
            source=row["source"][:MOST_SOURCE], context=row["context"] or "",
        )  # fmt: skip
    for row in await tx.conn.fetch(q.finished_models, run_id, MOST_OTHER):
        (event.output_models if row["output"] else event.input_models).append(row["model_id"])
    tx.emit(event, traceparent)


def _some(rows: Sequence[Any]) -> Iterator[Any]:
    """As many as fit."""
    left = MOST_BYTES
    for row in rows:
        left -= len(row["name"].encode()) + len(str(row["value"])[:MOST_TEXT].encode()) + 8
        if left < 0:
            return
        yield row
