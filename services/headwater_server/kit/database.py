"""Postgres: a pool of connections, named queries from .sql files, and patience while the server is away.

Holds no SQL of its own. Every service sees one schema only: its role's search_path.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import resources
from types import SimpleNamespace
from typing import Any, TypeVar

import asyncpg
import msgspec
import structlog

from headwater_server.kit.errors import Unavailable

T = TypeVar("T")
log = structlog.get_logger("kit.database")

LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg says when a connection breaks between two statements
    ConnectionError,
    OSError,
)
# What a login meets while the roles and the database of a first start are being made.
NOT_YET = (asyncpg.InvalidPasswordError, asyncpg.InvalidCatalogNameError, asyncpg.InsufficientPrivilegeError)
CONFLICT = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


async def _prepare(connection: asyncpg.Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, encoder=lambda v: msgspec.json.encode(v).decode(), decoder=msgspec.json.decode, schema="pg_catalog"
        )


async def _keep(connection: asyncpg.Connection) -> None:
    """Sessions have no state of their own (SET LOCAL and locks of transactions only): nothing is reset after each use,
    which would cost a round trip. What is left of a transaction has been rolled back already."""


class Database:
    """A pool of connections to the schema of one service."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    @classmethod
    async def connect(cls, url: str, *, size: int, name: str, patience: float = 60.0) -> "Database":
        """Connects; waits up to `patience` seconds for a server that is still starting."""

        async def attempt() -> asyncpg.Pool:
            return await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=size,
                init=_prepare,
                reset=_keep,
                command_timeout=60,
                server_settings={"application_name": f"headwater-{name}"},
            )

        return cls(await _persist(attempt, patience, (*LOST, *NOT_YET)))

    async def close(self) -> None:
        try:
            await asyncio.wait_for(self.pool.close(), 1.0)
        except TimeoutError:
            self.pool.terminate()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        async with self.pool.acquire() as connection, connection.transaction():
            yield connection  # type: ignore[misc]

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        return await self.pool.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        return await self.pool.fetchrow(sql, *args)

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return await self.pool.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        return await self.pool.execute(sql, *args)

    async def retrying(self, work: Callable[[], Awaitable[T]], patience: float = 30.0) -> T:
        """Awaits work(), again while the server is away or the transaction lost a conflict. Work must be a whole
        transaction: it may have been committed when the connection broke, so it must be safe to repeat."""
        return await _persist(work, patience, (*LOST, *CONFLICT))


async def _persist(work: Callable[[], Awaitable[T]], patience: float, errors: tuple[type[BaseException], ...]) -> T:
    loop = asyncio.get_running_loop()
    deadline, delay = loop.time() + patience, 0.02
    while True:
        try:
            return await work()
        except errors as error:
            if loop.time() + delay > deadline:
                raise Unavailable(
                    f"the database does not answer: {error}", hint="Is Postgres up? `headwater status` tells."
                ) from error
            await asyncio.sleep(delay)
            delay = min(delay * 1.5, 0.5)


_NAME = re.compile(r"^-- name: *(\w+)", re.MULTILINE)


def load_queries(package: str | None) -> Any:
    """Every `-- name: foo` block of <package>/queries/*.sql, as attributes that hold the SQL text."""
    assert package, "called from a module of no package"
    found: dict[str, str] = {}
    for file in sorted(resources.files(package).joinpath("queries").iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".sql"):
            continue
        parts = _NAME.split(file.read_text())
        for name, sql in zip(parts[1::2], parts[2::2], strict=True):
            if name in found:
                raise ValueError(f"{package}: two queries are named {name}")
            found[name] = sql.strip()
    return SimpleNamespace(**found)
