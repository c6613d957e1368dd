"""What the scheduler follows: facts and foreign events that may start deployed flows or exit hooks, and the heartbeats
of workers.

Also which runs have changed or gone, to forget what is remembered of them. The only file with subscriptions.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import structlog

from headwater_server.kit.consumer import consume_events
from headwater_server.kit.database import CONFLICT, LOST
from headwater_server.kit.envelope import Envelope
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.kit.service import ServiceKit
from headwater_server.scheduler.deployments import Deployments
from headwater_server.scheduler.exit_hooks import ExitHooks
from headwater_server.scheduler.retention import MODEL_FACTS, Retention
from headwater_server.scheduler.sessions import Sessions
from headwater_server.scheduler.store import Store

log = structlog.get_logger("scheduler.events")


async def subscribe(
    kit: ServiceKit[Any],
    store: Store,
    deployments: Deployments,
    exit_hooks: ExitHooks,
    retention: Retention,
    sessions: Sessions,
) -> None:
    async def on_event(tx: OutboxTransaction, event: Envelope) -> None:
        await deployments.on_event(tx, event)
        await exit_hooks.on_event(tx, event)
        if _of_models(event):
            await retention.on_model(tx, event)

    async def wanted(events: Sequence[Envelope]) -> set[str]:
        found = await deployments.waited_for(events)
        return found | {event.id for event in events if _of_models(event) or await exit_hooks.waited_for(event)}

    for stream, durable in (("HW_EVENTS", "scheduler-triggers"), ("HW_EXT", "scheduler-ext")):
        puller = await consume_events(kit, stream=stream, durable=durable, handlers={}, default=on_event, wanted=wanted)
        kit.on_stop(puller.stop)

    async def on_beat(msg: Any) -> None:
        try:
            await sessions.heartbeat(msg.subject, msgspec.json.decode(msg.data))
        except (*LOST, *CONFLICT) as error:
            log.warning("heartbeat not stored, the next one says the same", error=str(error))

    await follow_changes(kit, store)
    beats = await kit.bus.subscribe("hw.hb.v1.>", on_beat, queue="scheduler")
    kit.on_stop(beats.stop)


def _of_models(event: Envelope) -> bool:
    return event.type in MODEL_FACTS and event.source == "registry"


async def follow_changes(kit: ServiceKit[Any], store: Store) -> None:
    """Every replica hears of these: what it remembers of the run is no longer so."""

    async def on_change(msg: Any) -> None:
        store.forget(msg.subject.rpartition(".")[2])

    for fact in ("tags_changed", "deleted"):
        kit.on_stop((await kit.bus.subscribe(f"hw.evt.v1.*.run.{fact}.*", on_change)).stop)
