"""Search, renames, deletions and stages in Postgres: what store.py does not do with models and versions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from headwater_server.kit.database import Database, load_queries
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.registry.search_sql import Statement

q = load_queries(__package__)
Row = asyncpg.Record


class CatalogStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def models(self, found: Statement) -> list[Row]:
        """The models of a page of ids, in its order."""
        ids = [row["id"] for row in await self._database.fetch(found.sql, *found.args)]
        rows = {row["id"]: row for row in await self._database.fetch(q.models_by_id, ids)}
        return [rows[key] for key in ids if key in rows]

    async def versions(self, found: Statement) -> list[Row]:
        keys = [(row["model_id"], row["version"]) for row in await self._database.fetch(found.sql, *found.args)]
        columns = [key[0] for key in keys], [key[1] for key in keys]
        rows = {(r["model_id"], r["version"]): r for r in await self._database.fetch(q.versions_by_key, *columns)}
        return [rows[key] for key in keys if key in rows]

    async def newest_of_stages(self, ids: Sequence[int]) -> dict[int, list[Row]]:
        """Model → the newest version of each of its stages."""
        found: dict[int, list[Row]] = {key: [] for key in ids}
        for row in await self._database.fetch(q.newest_of_stages, list(ids)):
            found[row["model_id"]].append(row)
        return found

    async def rename(self, tx: OutboxTransaction, model: Row, name: str) -> datetime | None:
        """None: another model has that name."""
        try:
            async with tx.conn.transaction():
                at: Any = await tx.conn.fetchval(q.rename_model, model["id"], name)
        except asyncpg.UniqueViolationError:
            return None
        await tx.conn.execute(q.touch_versions, model["id"], at)
        return at

    async def delete_model(self, tx: OutboxTransaction, model: Row) -> None:
        for statement in (q.delete_aliases, q.delete_promotions, q.delete_versions, q.delete_model):
            await tx.conn.execute(statement, model["id"])

    async def aliases_of(self, tx: OutboxTransaction, model: Row, version: int) -> list[str]:
        return [row["alias"] for row in await tx.conn.fetch(q.aliases_of_version, model["id"], version)]

    async def delete_version(self, tx: OutboxTransaction, model: Row, version: int) -> datetime:
        await tx.conn.execute(q.delete_version, model["id"], version)
        return await self.touch(tx, model)

    async def others_of_stage(self, tx: OutboxTransaction, model: Row, version: int, stage: str) -> list[int]:
        return [row["version"] for row in await tx.conn.fetch(q.others_of_stage, model["id"], version, stage)]

    async def set_stage(self, tx: OutboxTransaction, model: Row, version: int, stage: str) -> None:
        await tx.conn.execute(q.set_stage, model["id"], version, stage)

    async def touch(self, tx: OutboxTransaction, model: Row) -> datetime:
        at: Any = await tx.conn.fetchval(q.touch_model, model["id"])
        return at
