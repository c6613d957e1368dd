"""Composition root of tracking: settings, store, RPCs, subscriptions, upkeep."""

import asyncio

from headwater.api.tracking.v1 import tracking_pb2
from headwater_server.kit.database import load_queries
from headwater_server.kit.rpc import Joined
from headwater_server.kit.service import ServiceKit
from headwater_server.kit.settings import ServiceSettings
from headwater_server.tracking import events
from headwater_server.tracking.api import TrackingApi
from headwater_server.tracking.comparison import ComparisonApi
from headwater_server.tracking.emptying import EmptyingApi
from headwater_server.tracking.imports import ImportApi
from headwater_server.tracking.ingest import Ingest
from headwater_server.tracking.keeping import Keeping
from headwater_server.tracking.keeping_api import KeepingApi
from headwater_server.tracking.mlflow.writer import Writer
from headwater_server.tracking.removal import Removal, RemovalApi
from headwater_server.tracking.store import Store
from headwater_server.tracking.writers import Writers

NAME = "tracking"
UPKEEP_SECONDS = 3600.0


class Settings(ServiceSettings):
    """Tracking needs nothing beyond what every service needs."""


async def build(kit: ServiceKit[Settings]) -> None:
    store = Store(kit.database)
    keeping = Keeping(kit.database)
    ingest, writer = Ingest(kit.database, kit.outbox, store, keeping.came), Writer(kit.database, keeping.came)
    removal = Removal(kit.outbox, store)
    api = Joined(
        TrackingApi(store, ingest, kit.outbox, writer, Writers(kit.database, store, keeping.came)),
        ComparisonApi(store),
        RemovalApi(removal, store),
        KeepingApi(store, keeping, removal),
        ImportApi(kit.outbox, store),
        EmptyingApi(kit.outbox, store),
    )
    kit.serve(tracking_pb2.DESCRIPTOR.services_by_name["TrackingService"], api)
    await events.subscribe(kit, store, ingest)

    async def upkeep() -> None:
        queries = load_queries(__package__)
        while True:
            await kit.database.execute(queries.forget_batches)
            await kit.database.execute(queries.forget_writers)
            await asyncio.sleep(UPKEEP_SECONDS)

    kit.loop("upkeep", upkeep)
    kit.loop("keeping", keeping.loop)
