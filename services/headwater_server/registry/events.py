"""What the registry follows: runs that are deleted. A version that one has made stays, and its lineage says so.

The only file with subscriptions.
"""

from headwater_server.kit.consumer import consume_events
from headwater_server.kit.envelope import Envelope
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.kit.service import ServiceKit
from headwater_server.registry.store import q


async def subscribe(kit: ServiceKit) -> None:
    handlers = {"run.deleted": _run_deleted, "tracked_run.deleted": _run_deleted}
    puller = await consume_events(kit, stream="HW_EVENTS", durable="registry-runs", handlers=handlers)
    kit.on_stop(puller.stop)


async def _run_deleted(tx: OutboxTransaction, event: Envelope) -> None:
    project, run = str(event.data.get("project") or "default"), str(event.data.get("runId") or "")
    await tx.conn.execute(q.note_deleted_run, project, run, event.time.isoformat().replace("+00:00", "Z"))
