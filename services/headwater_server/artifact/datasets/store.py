"""Datasets in Postgres: every statement about them, from ../queries/datasets.sql. Finds what a name or a URI means."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from headwater_server.artifact.datasets import messages
from headwater_server.artifact.datasets.names import LATEST, DatasetUri, DatumUri, Version, version_uri
from headwater_server.artifact.datasets.selection import File
from headwater_server.artifact.store import q
from headwater_server.kit.auth import Actor
from headwater_server.kit.database import Database
from headwater_server.kit.errors import NotFound
from headwater_server.kit.hints import did_you_mean
from headwater_server.kit.outbox import OutboxTransaction

Row = asyncpg.Record
BEYOND = 2**31 - 1
BEYOND_IDS = 2**63 - 1
_ALL = 2**31 - 1


class DatasetStore:
    def __init__(self, database: Database) -> None:
        self.database = database

    # Datasets

    async def lock(self, tx: OutboxTransaction, project: str, name: str, *, make: bool = False) -> Row:
        """The dataset, to be changed in this transaction. Raises NotFound."""
        if make:
            await tx.conn.execute(q.make_dataset, project, name)
        row = await tx.conn.fetchrow(q.lock_dataset, project, name)
        if row is None:
            raise await self.unknown(project, name, tx.conn)
        return row

    async def find(self, project: str, name: str, conn: Any = None) -> Row:
        row = await (conn or self.database).fetchrow(q.find_dataset, project, name)
        if row is None:
            raise await self.unknown(project, name, conn)
        return row

    async def unknown(self, project: str, name: str, conn: Any = None) -> NotFound:
        names = [row["name"] for row in await (conn or self.database).fetch(q.dataset_names, project)]
        text = f"dataset: project {project!r} has no dataset {name!r}"
        return NotFound(text, field="dataset", hint=did_you_mean(name, names), reason="DATASET_NOT_FOUND")

    async def datasets(self, project: str, only: str | None, after: str, limit: int) -> list[Row]:
        return await self.database.fetch(q.list_datasets, project, only, after, limit)

    async def update(self, tx: OutboxTransaction, dataset: Row, description: str, tags: dict[str, str]) -> None:
        await tx.conn.execute(q.update_dataset, dataset["id"], description, tags)

    async def touch(self, tx: OutboxTransaction, dataset: Row) -> datetime:
        at: Any = await tx.conn.fetchval(q.touch_dataset, dataset["id"])
        return at

    async def delete(self, tx: OutboxTransaction, dataset: Row) -> None:
        for alias in await self.aliases(tx, dataset, None):
            await tx.conn.execute(q.drop_dataset_alias, dataset["id"], alias)
        await tx.conn.execute(q.delete_dataset_version, dataset["id"], None)
        await tx.conn.execute(q.delete_dataset, dataset["id"])

    # Versions

    async def number(self, dataset: Row, version: Version, conn: Any = None) -> int:
        """Which version is meant. Raises NotFound."""
        db = conn or self.database
        if version.number:
            found = await db.fetchrow(q.list_dataset_versions, dataset["id"], BEYOND, version.number, 1)
            number = version.number if found is not None else None
        elif version.word:
            number = await db.fetchval(q.number_of_alias, dataset["id"], version.word)
            number = number or await db.fetchval(q.number_of_name, dataset["id"], version.word)
        else:
            number = await db.fetchval(q.latest_number, dataset["id"])
        if number is None:
            word = str(version.number or version.word or LATEST)
            known = [row["word"] for row in await db.fetch(q.known_versions, dataset["id"])]
            text = f"version: dataset {dataset['name']!r} has no version {word!r}"
            hint = did_you_mean(word, known) if known else "all its versions were deleted"
            raise NotFound(text, field="version", hint=hint, reason="DATASET_VERSION_NOT_FOUND")
        return number

    async def version(self, dataset: Row, number: int, conn: Any = None) -> Row:
        """Raises NotFound."""
        row = await (conn or self.database).fetchrow(q.list_dataset_versions, dataset["id"], BEYOND, number, 1)
        if row is None:  # deleted a moment ago
            await self.number(dataset, Version(number), conn)
            raise AssertionError
        return row

    async def versions(self, dataset: Row, before: int, limit: int) -> list[Row]:
        return await self.database.fetch(q.list_dataset_versions, dataset["id"], before, None, limit)

    async def of_request(self, tx: OutboxTransaction, dataset: Row, request_id: str | None) -> int | None:
        return await tx.conn.fetchval(q.version_of_request, dataset["id"], request_id) if request_id else None

    async def add(self, tx: OutboxTransaction, dataset: Row, values: Sequence[Any], files: Sequence[File]) -> int:
        """values: of insert_version, from the name on. Raises UniqueViolationError (the name is taken),
        ForeignKeyViolationError (a blob was collected)."""
        number: Any = await tx.conn.fetchval(q.next_number, dataset["id"])
        row = await tx.conn.fetchrow(q.insert_version, dataset["id"], number, *values)
        assert row is not None
        columns = (list(column) for column in zip(*files, strict=True))
        await tx.conn.execute(q.insert_dataset_files, row["id"], dataset["project"], *columns)
        return number

    async def tag(self, tx: OutboxTransaction, dataset: Row, number: int, tags: dict[str, str]) -> None:
        await tx.conn.execute(q.tag_version, dataset["id"], number, tags)

    async def delete_version(self, tx: OutboxTransaction, dataset: Row, number: int) -> datetime:
        await tx.conn.execute(q.delete_dataset_version, dataset["id"], number)
        return await self.touch(tx, dataset)

    # Files

    async def files(self, version_id: int, path: str, after: str, limit: int = _ALL, conn: Any = None) -> list[Row]:
        return await (conn or self.database).fetch(q.dataset_files, version_id, path or None, after, limit)

    async def sizes(self, tx: OutboxTransaction, project: str, digests: set[bytes]) -> dict[bytes, int]:
        """Of those blobs that the project has; until the end of the transaction they stay."""
        rows = await tx.conn.fetch(q.sizes_of_blobs, project, sorted(digests))
        return {row["digest"]: row["size"] for row in rows}

    async def datum(self, project: str, uri: DatumUri, conn: Any = None) -> Row:
        """The file of a dataset. uri: by id or alias. Raises NotFound."""
        db = conn or self.database
        ident = uri.ident or await db.fetchval(q.datum_of_alias, project, uri.alias)
        row = await db.fetchrow(q.find_datum, project, ident) if ident is not None else None
        if row is not None:
            return row
        names = [] if uri.ident else [each["alias"] for each in await db.fetch(q.datum_alias_names, project)]
        what = f"file {uri.ident}" if uri.ident else f"alias {uri.alias!r} of a file"
        hint = did_you_mean(uri.alias, names) if names else "`headwater datasets show NAME --files` lists ids"
        if ident is not None and not uri.ident:
            hint = "its file is in no dataset any more: set the alias again"
        raise NotFound(f"datum: project {project!r} has no {what}", field="datum", hint=hint, reason="DATUM_NOT_FOUND")

    async def pinned(self, project: str, uri: DatasetUri | DatumUri, conn: Any = None) -> str:
        """The URI that stands for the same for good. Raises NotFound."""
        if isinstance(uri, DatasetUri):
            dataset = await self.find(project, uri.dataset, conn)
            return version_uri(uri.dataset, await self.number(dataset, uri.version, conn), uri.path)
        if uri.digest is not None:
            return f"datum://{uri.digest.hex()}"
        return f"datum://{(await self.datum(project, uri, conn))['datum']}"

    # Aliases

    async def aliases(self, tx: OutboxTransaction, dataset: Row, number: int | None) -> list[str]:
        """That point at a version; None: all."""
        if number is not None:
            rows = await tx.conn.fetch(q.aliases_of_dataset_version, dataset["id"], number)
            return [row["alias"] for row in rows]
        return list((await tx.conn.fetch(q.list_datasets, dataset["project"], dataset["name"], "", 1))[0]["aliases"])

    async def pointed(self, tx: OutboxTransaction, dataset: Row, alias: str) -> int:
        """0: it is not set."""
        return await tx.conn.fetchval(q.number_of_alias, dataset["id"], alias) or 0

    async def is_name(self, tx: OutboxTransaction, dataset: Row, word: str) -> bool:
        return await tx.conn.fetchval(q.number_of_name, dataset["id"], word) is not None

    async def move(
        self,
        tx: OutboxTransaction,
        dataset: Row,
        alias: str,
        number: int,
        previous: int,
        reason: str,
        actor: Actor,
        request_id: str | None,
        traceparent: str,
    ) -> Row:
        """Points an alias at a version (0: removes it), notes that and tells of it."""
        if number:
            await tx.conn.execute(q.point_dataset_alias, dataset["id"], alias, number)
        else:
            await tx.conn.execute(q.drop_dataset_alias, dataset["id"], alias)
        row = await tx.conn.fetchrow(
            q.insert_dataset_move,
            dataset["id"],
            alias,
            number,
            previous,
            reason,
            messages.actor_json(actor),
            request_id,
        )
        assert row is not None
        tx.emit(messages.alias_moved(dataset["project"], dataset["name"], row), traceparent)
        return row

    async def move_of_request(self, tx: OutboxTransaction, dataset: Row, request_id: str | None) -> Row | None:
        return await tx.conn.fetchrow(q.dataset_move_of_request, dataset["id"], request_id) if request_id else None

    async def moves(self, dataset: Row, alias: str, before: int, limit: int, conn: Any = None) -> list[Row]:
        return await (conn or self.database).fetch(q.dataset_moves, dataset["id"], alias or None, before, limit)

    # Aliases of single files

    async def set_datum_alias(
        self, tx: OutboxTransaction, project: str, alias: str, datum: uuid.UUID
    ) -> uuid.UUID | None:
        """Where it pointed before."""
        before = await tx.conn.fetchval(q.lock_datum_alias, project, alias)
        await tx.conn.execute(q.point_datum_alias, project, alias, datum)
        return before

    async def delete_datum_alias(self, project: str, alias: str) -> bool:
        return await self.database.fetchval(q.drop_datum_alias, project, alias) is not None
