"""Uploads in parts that nobody goes on with: their parts take up room in the bucket until they are aborted.

Those that a row names go when nobody has touched them for the grace; those that none names (a process died on the next
line, or a user's program did) when they were begun that long ago.
"""

import asyncio
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from headwater_server.artifact.audit import UNFINISHED
from headwater_server.artifact.audit import Found as Finding
from headwater_server.artifact.keys import read_key
from headwater_server.artifact.multipart import Multipart, Unfinished
from headwater_server.artifact.parts import PartsApi
from headwater_server.artifact.upload_store import UploadStore
from headwater_server.artifact.uploads import Uploads
from headwater_server.kit.clock import now
from headwater_server.kit.database import CONFLICT, LOST
from headwater_server.kit.errors import ServiceError
from headwater_server.kit.objects import ObjectStore

log = structlog.get_logger("artifact.abandoned")
# A part that is on its way now is of an upload that was touched or begun within this time.
LEAST = timedelta(minutes=15)


class Found(NamedTuple):
    """An upload that is not finished; since: when it was touched last, or begun; project: "" where nobody knows."""

    upload: Unfinished
    since: datetime
    project: str


class Abandoned:
    def __init__(
        self,
        rows: UploadStore,
        uploads: Uploads,
        parts: PartsApi,
        objects: ObjectStore,
        grace: timedelta,
        every: float,
    ) -> None:
        """grace: how long an upload stays after the last part; every: seconds between rounds."""
        self._rows, self._uploads, self._parts, self._multipart = rows, uploads, parts, Multipart(objects)
        self._grace, self._every = grace, every

    async def find(self, grace: timedelta) -> list[Found]:
        """What the object store has and nobody has touched for so long."""
        known, found = await self._rows.known(), list[Found]()
        async for upload in self._multipart.unfinished():
            row = known.get(upload.s3_id)
            since = row["touched_at"] if row is not None else upload.began
            if now() - since >= grace:
                found.append(Found(upload, since, row["project"] if row is not None else ""))
        return found

    async def audit(self, grace: timedelta, *, repair: bool) -> list[Finding]:
        """As findings, with their sizes. repair: aborts those that nobody can be sending now."""
        findings: list[Finding] = []
        for upload, since, project in await self.find(grace):
            parts = await self._multipart.parts(upload.key, upload.s3_id)
            if parts is None:
                continue
            read = read_key(upload.key)
            finding = Finding(
                UNFINISHED,
                read.digest if read else b"",
                upload.key,
                sum(part.size for part in parts),
                f"an upload that nobody has finished; {len(parts)} parts are here",
                since,
                [project] if project else [],
            )
            if repair and now() - since >= LEAST:
                await self._multipart.abort(upload.key, upload.s3_id)
                finding.repair = "aborted"
            findings.append(finding)
        return findings

    async def sweep(self, grace: timedelta) -> int:
        """Aborts what nobody has touched for so long; how many."""
        count = 0
        while rows := await self._rows.old(grace):
            for row in rows:
                await self._uploads.forget(row)
            count += len(rows)
        count += await self._parts.sweep(grace)
        for each in await self.find(max(grace, LEAST)):
            if not each.project:
                await self._multipart.abort(each.upload.key, each.upload.s3_id)
                count += 1
        if count:
            log.info("unfinished uploads aborted", uploads=count)
        return count

    async def loop(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.sweep(self._grace)
            except (ServiceError, *LOST, *CONFLICT) as error:
                log.warning("unfinished uploads wait", error=str(error))
