"""Tokens, by hash, and projects in Postgres. The statements are in queries/*.sql."""

from datetime import timedelta

import asyncpg

from headwater_server.gateway.tokens import NewToken, new_id
from headwater_server.kit.auth import token_hash
from headwater_server.kit.database import Database, load_queries

q = load_queries(__package__)


class Store:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, token: NewToken, name: str, project: str, role: str, life: timedelta) -> asyncpg.Record:
        row = await self._database.fetchrow(q.insert_token, token.token_id, token.hash, name, project, role, life)
        assert row is not None
        return row

    async def make_known(self, secret: str) -> None:
        """The deployment's own admin token; one that was configured before is forgotten. Safe to repeat."""
        hashed = token_hash(secret)
        async with self._database.transaction() as conn:
            await conn.execute(q.forget_bootstraps, hashed)
            await conn.execute(q.insert_bootstrap, new_id(), hashed)

    async def page(self, project: str, before: str, limit: int) -> list[asyncpg.Record]:
        return await self._database.fetch(q.list_tokens, project, before, limit)

    async def revoke(self, token_id: str, project: str) -> str | None:
        """The hash of the token; None: there is no such token in the project."""
        return await self._database.fetchval(q.revoke_token, token_id, project)

    async def find(self, hashed: str) -> asyncpg.Record | None:
        return await self._database.fetchrow(q.find_token, hashed)

    async def touch(self, token_ids: list[str]) -> None:
        await self._database.execute(q.touch_tokens, token_ids)

    async def create_project(self, name: str, description: str, by: dict[str, str]) -> asyncpg.Record | None:
        """None: it exists."""
        return await self._database.fetchrow(q.create_project, name, description, by)

    async def projects(self) -> list[asyncpg.Record]:
        return await self._database.fetch(q.list_projects)

    async def delete_project(self, name: str) -> tuple[bool, list[str]]:
        """Had it been created? And the hashes of its tokens, which are revoked with it."""
        async with self._database.transaction() as conn:
            created = not (await conn.execute(q.delete_project, name)).endswith(" 0")
            return created, [row["token_hash"] for row in await conn.fetch(q.revoke_project_tokens, name)]

    async def alive(self) -> None:
        """Raises when the database does not answer."""
        await self._database.fetchval(q.alive)
