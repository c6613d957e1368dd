"""Migrations: numbered .sql files per schema, applied once, in order, under a lock, remembered with their checksum.

Run by the owner role of a schema at deploy. Services only check, at start, that their schema is what they expect.
"""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import asyncpg

from headwater_server.kit.database import Database
from headwater_server.kit.errors import FailedPrecondition

_FILE = re.compile(r"^(\d{4})_\w+\.sql$")
_LOCK = 0x4865_6164  # any constant: one migrator at a time in a database

_LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (
    origin text NOT NULL, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (origin, name)
)"""


@dataclass(frozen=True)
class Migration:
    origin: str
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(service: str) -> list[Migration]:
    """Those of kit/, then those of the service, in order of their number."""
    found: list[Migration] = []
    for origin in ("kit", service):
        folder = resources.files(f"headwater_server.{origin}").joinpath("migrations")
        names = sorted(f.name for f in folder.iterdir() if _FILE.match(f.name)) if folder.is_dir() else []
        found += [Migration(origin, name, folder.joinpath(name).read_text()) for name in names]
    return found


async def apply(connection: asyncpg.Connection, service: str, role: str | None = None) -> list[str]:
    """Brings the schema named like the service up to date; returns the names of what was applied.

    The connection belongs to the schema's owner. `role` gets rights on rows, never on the schema itself.
    """
    applied: list[str] = []
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(f'SET LOCAL search_path = "{service}"')
        await connection.execute(_LEDGER)
        known = {(r["origin"], r["name"]): r["checksum"] for r in await connection.fetch("SELECT * FROM migrations")}
        for migration in migrations(service):
            before = known.get((migration.origin, migration.name))
            if before == migration.checksum:
                continue
            if before is not None:
                raise FailedPrecondition(
                    f"migration {migration.origin}/{migration.name} of {service} has changed since it was applied",
                    hint="Restore the file and add a new migration instead.",
                )
            await connection.execute(migration.sql)
            await connection.execute(
                "INSERT INTO migrations (origin, name, checksum) VALUES ($1, $2, $3)",
                migration.origin,
                migration.name,
                migration.checksum,
            )
            applied.append(f"{migration.origin}/{migration.name}")
        if role:
            await _grant(connection, service, role)
    return applied


async def _grant(connection: asyncpg.Connection, schema: str, role: str) -> None:
    await connection.execute(
        f'GRANT USAGE ON SCHEMA "{schema}" TO "{role}";'
        f'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "{schema}" TO "{role}";'
        f'GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA "{schema}" TO "{role}";'
        f'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA "{schema}" TO "{role}";'
        f'REVOKE INSERT, UPDATE, DELETE ON "{schema}".migrations FROM "{role}";'
    )


async def verify(database: Database, service: str) -> None:
    """Raises FailedPrecondition when the schema is not at the version of this code."""
    try:
        rows = await database.fetch("SELECT origin, name, checksum FROM migrations")
    except asyncpg.UndefinedTableError:
        rows = []
    known = {(r["origin"], r["name"]): r["checksum"] for r in rows}
    missing = [f"{m.origin}/{m.name}" for m in migrations(service) if known.get((m.origin, m.name)) != m.checksum]
    if missing:
        raise FailedPrecondition(
            f"schema {service} lacks {', '.join(missing)}",
            hint="Run `python -m headwater_server admin apply`.",
            reason="SCHEMA_BEHIND",
        )
