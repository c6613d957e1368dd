"""Composition root of the executor: settings, logs and their archive, workers over gRPC."""

from pydantic import Field

from headwater.api.executor.v1 import executor_pb2
from headwater_server.executor import events
from headwater_server.executor.api import ExecutorApi
from headwater_server.executor.archiver import Archiver
from headwater_server.executor.log_stream import LogStream
from headwater_server.executor.logs import Logs
from headwater_server.executor.retention import Retention
from headwater_server.executor.scrub import Scrubber
from headwater_server.executor.store import Store
from headwater_server.kit.objects import ObjectStore
from headwater_server.kit.service import ServiceKit
from headwater_server.kit.settings import ServiceSettings

NAME = "executor"


class Settings(ServiceSettings):
    """Settings of the executor; s3_bucket is that of the logs."""

    archive_after: float = Field(
        1.0, gt=0, description="Seconds after the end of a run until its logs become one object."
    )


async def build(kit: ServiceKit[Settings]) -> None:
    store, objects, stream = Store(kit.database), ObjectStore.of(kit.settings), LogStream(kit.bus)
    kit.on_stop(objects.http.close)
    archiver = Archiver(store, stream, objects, kit.settings.archive_after)
    scrubber = Scrubber(kit.bus, store, archiver, objects)
    servicer = ExecutorApi(kit, Logs(store, stream, objects), scrubber)
    kit.serve(executor_pb2.DESCRIPTOR.services_by_name["ExecutorService"], servicer)
    kit.loop("archive", archiver.run)
    kit.loop("scrub", scrubber.run)
    kit.loop("retention", Retention(kit.bus, store, archiver).run)
    await events.subscribe(kit, store, archiver, scrubber)
