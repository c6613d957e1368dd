"""What the executor follows: runs that are over, whose logs are then archived, and runs that are deleted, whose logs
go. The only durable subscription."""

import uuid

from headwater_server.executor.archiver import Archiver
from headwater_server.executor.scrub import Scrubber
from headwater_server.executor.store import Store
from headwater_server.kit.consumer import consume_events
from headwater_server.kit.envelope import Envelope
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.kit.service import ServiceKit

ENDS: tuple[str, ...] = ("run.succeeded", "run.failed", "run.cancelled")


async def subscribe(kit: ServiceKit, store: Store, archiver: Archiver, scrubber: Scrubber) -> None:
    async def ended(tx: OutboxTransaction, event: Envelope) -> None:
        project = str(event.data.get("project") or event.project)
        await store.run_ended(tx, run_id_of(event.data.get("runId")), project, archiver.first_pause)
        tx.after_commit(archiver.wake)  # not before: it would find nothing and go back to sleep

    async def deleted(tx: OutboxTransaction, event: Envelope) -> None:
        project = str(event.data.get("project") or event.project)
        await store.run_deleted(tx, run_id_of(event.data.get("runId")), project)
        tx.after_commit(scrubber.wake)

    handlers = dict.fromkeys(ENDS, ended) | {"run.deleted": deleted}
    puller = await consume_events(kit, stream="HW_EVENTS", durable="executor-logs", handlers=handlers)
    kit.on_stop(puller.stop)


def run_id_of(value: object) -> uuid.UUID:
    try:
        return uuid.UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise InvalidArgument(f"runId: {shown(value)} is not the id of a run", field="runId") from None
