"""Composition root of the artifact service: settings, store, bucket, RPCs, the index."""

from headwater.api.artifact.v1 import artifact_pb2
from headwater_server.artifact import events
from headwater_server.artifact.api import ArtifactApi
from headwater_server.artifact.store import Store
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.service import ServiceKit
from headwater_server.kit.settings import ServiceSettings

NAME = "artifact"


class Settings(ServiceSettings):
    """The artifact service needs nothing beyond what every service needs; s3_bucket is its own."""


async def build(kit: ServiceKit[Settings]) -> None:
    store, objects = Store(kit.database), ObjectStore.of(kit.settings)
    kit.on_stop(objects.http.close)
    kit.serve(artifact_pb2.DESCRIPTOR.services_by_name["ArtifactService"], ArtifactApi(store, objects, kit, kit.outbox))
    await events.subscribe(kit, store, objects)
