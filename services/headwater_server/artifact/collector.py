"""Removes blobs that nobody needs: first their rows, under locks, in one transaction that condemns the objects' keys;
then the objects. A process that dies between the two leaves condemned keys, which the next one removes.

A blob goes when it has no holder, card and file, and has had none for the grace. Who asks for it in that moment either
holds it, and it stays, or is told to upload it, to another key.
"""

import asyncio
from datetime import timedelta

import structlog

from headwater_server.artifact.backlog import Backlog
from headwater_server.artifact.store import Idle, Store
from headwater_server.kit.database import CONFLICT, LOST
from headwater_server.kit.errors import ServiceError
from headwater_server.kit.objects import ObjectStore

log = structlog.get_logger("artifact.collector")
PAGE = 200
ALL = "*"
# URLs of uploads end after 15 minutes; what they brought late is removed the second time.
REST = timedelta(hours=1)
REMOVE_SECONDS = 60.0
FIRST = ("", b"")
MOST_DEAD = 1000


class Collector:
    def __init__(self, store: Store, objects: ObjectStore, backlog: Backlog, grace: timedelta, every: float) -> None:
        """grace: how long a blob stays after the last that needed it went; every: seconds between rounds."""
        self._store, self._objects, self._backlog = store, objects, backlog
        self.grace, self._every = grace, every

    async def page(
        self, project: str, after: tuple[str, bytes], grace: timedelta, *, dry_run: bool
    ) -> tuple[list[Idle], int, int, bool]:
        """One page: what is idle, how many blobs of projects and bytes of the bucket go, and whether there is more.
        Raises Unavailable when references may still be on their way here."""
        if not dry_run:
            await self._backlog.read()
        if not dry_run:
            return await self.take(project, after, grace)
        idle = await self._store.idle(project, after, grace, PAGE)
        return idle, len(idle), await self._store.idle_bytes(idle) if idle else 0, len(idle) == PAGE

    async def take(self, project: str, after: tuple[str, bytes], grace: timedelta) -> tuple[list[Idle], int, int, bool]:
        """One page, whatever may be on its way."""
        idle = await self._store.idle(project, after, grace, PAGE)
        blobs, size = await self._store.collect(idle, grace) if idle else (0, 0)
        return idle, blobs, size, len(idle) == PAGE

    async def collect(self) -> None:
        """All projects, with the grace of the service."""
        after, more, blobs, size = FIRST, True, 0, 0
        while more:
            idle, some, freed, more = await self.page(ALL, after, self.grace, dry_run=False)
            blobs, size = blobs + some, size + freed
            after = (idle[-1].project, idle[-1].digest) if idle else FIRST
        if blobs:
            log.info("collected", blobs=blobs, bytes=size)

    async def remove_dead(self) -> int:
        """Removes the objects of condemned keys; how many."""
        removed = 0
        while rows := await self._store.dead(REST, MOST_DEAD):
            for row in rows:
                await self._objects.delete(row["key"])
                await self._store.removed(row["key"], REST, again=row["again"])
            removed += len(rows)
        return removed

    async def collect_loop(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.collect()
            except (ServiceError, *LOST, *CONFLICT) as error:
                log.warning("collecting waits", error=str(error))

    async def remove_loop(self) -> None:
        while True:
            try:
                await self.remove_dead()
            except (ServiceError, *LOST, *CONFLICT) as error:
                log.warning("objects wait for their removal", error=str(error))
            await asyncio.sleep(REMOVE_SECONDS)
