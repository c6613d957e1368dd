"""Composition root of the registry: settings, store, RPCs. It follows no events."""

from pydantic import Field

from headwater.api.registry.v1 import registry_pb2
from headwater_server.kit.service import ServiceKit
from headwater_server.kit.settings import ServiceSettings
from headwater_server.registry.api import RegistryApi
from headwater_server.registry.blobs import Blobs
from headwater_server.registry.store import Store

NAME = "registry"


class Settings(ServiceSettings):
    reason_required: str = Field(
        "", description='Aliases that move only with a reason, separated by commas; "*" is all of them.'
    )


async def build(kit: ServiceKit[Settings]) -> None:
    demanding = frozenset(filter(None, (alias.strip() for alias in kit.settings.reason_required.split(","))))
    api = RegistryApi(Store(kit.database), Blobs(kit), kit.outbox, demanding)
    kit.serve(registry_pb2.DESCRIPTOR.services_by_name["RegistryService"], api)
