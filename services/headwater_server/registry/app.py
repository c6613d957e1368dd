"""Composition root of the registry: settings, store, RPCs, the deliveries of webhooks. It follows no events."""

import asyncio

from pydantic import Field, SecretStr

from headwater.api.registry.v1 import registry_pb2
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.rpc import Joined
from headwater_server.kit.service import ServiceKit
from headwater_server.kit.settings import ServiceSettings
from headwater_server.registry import events
from headwater_server.registry.api import RegistryApi
from headwater_server.registry.blobs import Blobs
from headwater_server.registry.catalog import Catalog
from headwater_server.registry.catalog_store import CatalogStore
from headwater_server.registry.deliveries import Deliveries
from headwater_server.registry.emptying import EmptyingApi
from headwater_server.registry.hooks import Hooks
from headwater_server.registry.logged_models import LoggedModels
from headwater_server.registry.outgoing import Policy
from headwater_server.registry.sealing import SETTING, Seal
from headwater_server.registry.store import Store
from headwater_server.registry.webhooks import Webhooks

NAME = "registry"


class Settings(ServiceSettings):
    reason_required: str = Field(
        "", description='Aliases that move only with a reason, separated by commas; "*" is all of them.'
    )
    webhooks_http: bool = Field(False, description="Webhooks may call http:// URLs, not only https://.")
    webhooks_private: bool = Field(
        False, description="Webhooks may call this machine and private networks. Off: only public addresses."
    )
    secrets_key: SecretStr = Field(
        SecretStr(""),
        description="Seals the secrets of webhooks in Postgres; several, by commas: the first seals, all open. "
        "internal_key opens too, and seals where no other is given.",
    )

    def seal(self) -> Seal:
        keys = [key.strip() for key in self.secrets_key.get_secret_value().split(",")]
        if not (keys := [key for key in (*keys, self.internal_key.get_secret_value()) if key]):
            raise InvalidArgument(f"{SETTING} is empty, and so is HEADWATER_INTERNAL_KEY", field=SETTING)
        return Seal(keys)


async def build(kit: ServiceKit[Settings]) -> None:
    settings, database = kit.settings, kit.database
    demanding = frozenset(filter(None, (alias.strip() for alias in settings.reason_required.split(","))))
    policy = Policy(("https", "http") if settings.webhooks_http else ("https",), settings.webhooks_private)
    wake, seal = asyncio.Event(), settings.seal()
    hooks, deliveries = Hooks(wake), Deliveries(database, policy, wake, seal)
    store, catalog = Store(database), CatalogStore(database)
    servicer = Joined(
        RegistryApi(store, catalog, Blobs(kit), kit.outbox, hooks, demanding),
        Catalog(store, catalog, kit.outbox, hooks),
        LoggedModels(database, kit.outbox),
        Webhooks(database, deliveries, policy, seal),
        EmptyingApi(database),
    )
    kit.serve(registry_pb2.DESCRIPTOR.services_by_name["RegistryService"], servicer)
    kit.loop("webhooks", deliveries.loop)
    await events.subscribe(kit)
