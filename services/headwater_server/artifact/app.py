"""Composition root of the artifact service: settings, store, bucket, RPCs, the index, the collector."""

from datetime import timedelta

from pydantic import Field

from headwater.api.artifact.v1 import artifact_pb2
from headwater_server.artifact import events
from headwater_server.artifact.abandoned import Abandoned
from headwater_server.artifact.api import ArtifactApi
from headwater_server.artifact.audit import Audit
from headwater_server.artifact.backlog import Backlog
from headwater_server.artifact.collector import Collector
from headwater_server.artifact.datasets.api import DatasetApi
from headwater_server.artifact.datasets.creation import CreationApi
from headwater_server.artifact.datasets.store import DatasetStore
from headwater_server.artifact.emptying import EmptyingApi
from headwater_server.artifact.files import FileApi, FileStore
from headwater_server.artifact.limits import PartSizes
from headwater_server.artifact.lineage.api import LineageApi
from headwater_server.artifact.lineage.store import LineageStore
from headwater_server.artifact.parts import PartsApi
from headwater_server.artifact.store import Store
from headwater_server.artifact.upkeep import UpkeepApi
from headwater_server.artifact.upload_store import UploadStore
from headwater_server.artifact.uploads import Uploads
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.rpc import Joined
from headwater_server.kit.service import ServiceKit
from headwater_server.kit.settings import ServiceSettings

NAME = "artifact"


class Settings(ServiceSettings):
    """Settings of the artifact service; s3_bucket is that of the blobs."""

    blob_lease_seconds: float = Field(
        3600.0, ge=300, le=604800, description="How long a blob stays for who has uploaded it, until they refer to it."
    )
    gc_grace_seconds: float = Field(
        86400.0, ge=0, description="How long a blob stays after the last that needed it went."
    )
    gc_every_seconds: float = Field(3600.0, gt=0, description="Time between two looks for blobs that nobody needs.")
    upload_grace_seconds: float = Field(
        604800.0, ge=900, description="How long an upload in parts may rest before its parts are removed."
    )
    parts_from_mb: int = Field(
        128, ge=5, le=5120, description="Blobs of this size and more are uploaded in parts, side by side."
    )
    part_mb: int = Field(16, ge=5, le=5120, description="Size of a part; more where there would be over 10,000.")
    gc_settle_seconds: float = Field(
        10.0, ge=0, description="Quiet time after a start or an outage of the bus before blobs are collected."
    )


async def build(kit: ServiceKit[Settings]) -> None:
    settings = kit.settings
    store = Store(kit.database, timedelta(seconds=settings.blob_lease_seconds))
    objects = ObjectStore.of(settings)
    kit.on_stop(objects.http.close)
    backlog = Backlog(lambda: kit.bus.nc.is_connected, settings.gc_settle_seconds)
    kit.bus.on_reconnect(backlog.interrupted)
    grace = timedelta(seconds=settings.gc_grace_seconds)
    collector = Collector(store, objects, backlog, grace, settings.gc_every_seconds)
    files, rows = FileStore(kit.database), UploadStore(kit.database)
    parts = PartsApi(files, store, objects)
    uploads = Uploads(store, rows, objects, PartSizes(settings.parts_from_mb << 20, settings.part_mb << 20))
    kit.on_stop(uploads.close)
    abandoned = Abandoned(
        rows, uploads, parts, objects, timedelta(seconds=settings.upload_grace_seconds), settings.gc_every_seconds
    )
    upkeep = UpkeepApi(collector, Audit(store, rows, objects), abandoned)
    api = ArtifactApi(store, objects, kit, kit.outbox, upkeep, uploads)
    datasets = DatasetStore(kit.database)
    lineage = LineageStore(kit.database)
    servicer = Joined(
        api,
        FileApi(files, store, objects),
        parts,
        DatasetApi(datasets, store, objects, kit.outbox),
        CreationApi(datasets, kit.outbox),
        EmptyingApi(store, objects, collector, uploads, lineage),
        LineageApi(lineage, kit),
    )
    kit.serve(artifact_pb2.DESCRIPTOR.services_by_name["ArtifactService"], servicer)
    kit.loop("uploads", abandoned.loop)
    kit.loop("collect", collector.collect_loop)
    kit.loop("remove-dead", collector.remove_loop)
    await events.subscribe(kit, store, objects, backlog, lineage)
