"""`cluster`: a node agent's surroundings on real servers, with the package of lab.py in the store."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.harness.servers import NatsServer, S3Server
from tests.integration.executor.node.cluster import Cluster, Scheduler, Store


@pytest_asyncio.fixture
async def cluster(bus: NatsServer, s3: S3Server, tmp_path: Path) -> AsyncIterator[Cluster]:
    scheduler, store = Scheduler(await bus.connect("scheduler")), Store(s3)
    await scheduler.serve()
    await store.serve(await bus.connect("artifact"))
    made = Cluster(bus, scheduler, store, tmp_path)
    await made.use(Path(__file__).with_name("lab.py"))
    yield made
    for worker in made.workers:
        worker.kill()
        with contextlib.suppress(ProcessLookupError):
            await worker.process.wait()
    await store.objects.http.close()
