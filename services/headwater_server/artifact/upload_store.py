"""Uploads of blobs in parts, in Postgres."""

import uuid
from datetime import timedelta
from typing import Any

from headwater_server.kit.database import Database, load_queries

q = load_queries(__package__)


class UploadStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(
        self, ident: uuid.UUID, project: str, digest: bytes, size: int, part_size: int, key: str, s3_id: str
    ) -> bool:
        """False: another one is under way."""
        done = await self._database.execute(q.begin_blob_upload, ident, project, digest, size, part_size, key, s3_id)
        return done.endswith(" 1")

    async def open(self, project: str, digest: bytes, size: int) -> Any:
        """The row of the upload that is under way, or None."""
        return await self._database.fetchrow(q.open_blob_upload, project, digest, size)

    async def find(self, project: str, digest: bytes, ident: uuid.UUID) -> Any:
        return await self._database.fetchrow(q.find_blob_upload, project, digest, ident)

    async def claim(self, ident: uuid.UUID, prover: uuid.UUID, lease: timedelta, verified: int) -> bool:
        """The prover alone reads what was assembled, for this long. False: somebody else does, or it is over."""
        return await self._database.fetchval(q.claim_proof, ident, prover, lease, verified) is not None

    async def leave(self, ident: uuid.UUID, prover: uuid.UUID) -> None:
        await self._database.execute(q.leave_proof, ident, prover)

    async def note_problem(self, ident: uuid.UUID, problem: str) -> None:
        await self._database.execute(q.note_problem, ident, problem)

    async def end(self, ident: uuid.UUID) -> None:
        await self._database.execute(q.end_blob_upload, ident)

    async def old(self, grace: timedelta) -> list[Any]:
        """Those that nobody has touched for so long."""
        return await self._database.fetch(q.old_blob_uploads, grace)

    async def of_project(self, project: str) -> list[Any]:
        return await self._database.fetch(q.blob_uploads_of, project)

    async def known(self) -> dict[str, Any]:
        """What is begun, by the object store's id: rows of (s3_id, key, project, touched_at)."""
        return {row["s3_id"]: row for row in await self._database.fetch(q.all_uploads)}
