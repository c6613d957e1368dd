"""Models, versions and aliases in Postgres: find, create, change, and the history of promotions.

Owns the ids inside and the order of writes: whoever changes anything of a model holds the lock of its row. Never
decides what may be changed: that is checked before.
"""

from collections.abc import Sequence
from typing import Any

import asyncpg

from headwater_server.kit.database import Database, load_queries
from headwater_server.kit.errors import AlreadyExists, NotFound
from headwater_server.kit.hints import did_you_mean
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.kit.rpc import Call
from headwater_server.registry import facts
from headwater_server.registry.messages import actor_row
from headwater_server.registry.promotions import Move
from headwater_server.registry.references import Reference

q = load_queries(__package__)
Row = asyncpg.Record
Reader = Any  # a Database or a connection: both have fetch, fetchrow and fetchval


class Store:
    def __init__(self, database: Database) -> None:
        self._database = database

    # Models

    async def create_model(
        self, tx: OutboxTransaction, project: str, name: str, description: str, tags: dict[str, str], call: Call
    ) -> bool:
        """False: it exists."""
        row = await tx.conn.fetchrow(q.insert_model, project, name, description, tags)
        if row is not None:
            tx.emit(facts.created(project, name, call.actor, row["created_at"]), call.traceparent)
        return row is not None

    async def lock(self, tx: OutboxTransaction, project: str, name: str) -> Row:
        """The model, changed by nobody else until this transaction ends. Raises NotFound."""
        row = await tx.conn.fetchrow(q.lock_model, project, name)
        return row or await self._no_model(tx.conn, project, name)

    async def find(self, project: str, name: str) -> Row:
        """id, project, name and latest_version. Raises NotFound."""
        row = await self._database.fetchrow(q.find_model, project, name)
        return row or await self._no_model(self._database, project, name)

    async def model(self, project: str, name: str) -> Row:
        row = await self._database.fetchrow(q.get_model, project, name)
        return row or await self._no_model(self._database, project, name)

    async def models(self, project: str, after: str, limit: int) -> Sequence[Row]:
        return await self._database.fetch(q.list_models, project, after, limit)

    async def update_model(self, tx: OutboxTransaction, model: Row, description: str, tags: dict[str, str]) -> Any:
        """Returns the time of the change."""
        return await tx.conn.fetchval(q.update_model, model["id"], description, tags)

    async def _no_model(self, reader: Reader, project: str, name: str) -> Row:
        names = [row["name"] for row in await reader.fetch(q.model_names, project)]
        raise NotFound(
            f"name: project {project!r} has no model {name!r}",
            field="name",
            hint=did_you_mean(name, names),
            reason="MODEL_NOT_FOUND",
        )

    # Versions

    async def add_version(self, tx: OutboxTransaction, model: Row, new: dict[str, Any], call: Call) -> int:
        """The number of a new version of a locked model; of the one that the same request made before, if there is."""
        if new["request_id"] is not None:
            made = await tx.conn.fetchrow(q.version_of_request, model["id"], new["request_id"])
            if made is not None:
                if made["digest"] != new["digest"]:
                    text = f"request_id: made version {made['version']} before, of another digest"
                    raise AlreadyExists(text, field="request_id", hint="send a new request_id with each new version")
                return made["version"]
        row = await tx.conn.fetchrow(q.next_version, model["id"])
        assert row is not None  # its lock is ours
        number, at = row["latest_version"], row["updated_at"]
        columns = ("digest", "size", "encoding", "type", "description", "tags", "metrics", "signature", "lineage")
        elsewhere = ("source", "storage_uri", "run_link", "logged_model")
        values = [new[column] for column in (*columns, *elsewhere, "request_id")]
        await tx.conn.execute(q.insert_version, model["id"], number, *values, actor_row(call.actor), at)
        event = facts.version_created(model["project"], model["name"], number, new, call.actor, at, model["id"])
        tx.emit(event, call.traceparent)
        return number

    async def number_of(self, model: Row, reference: Reference, field: str = "version", tx: Any = None) -> int:
        """The version that a reference stands for. Raises NotFound naming what there is."""
        reader: Reader = tx.conn if tx else self._database
        if reference.alias:
            number = await reader.fetchval(q.find_alias, model["id"], reference.alias)
            if number is None:
                raise await self._no_alias(reader, model, reference.alias, field)
            return number
        number = await reader.fetchval(q.version_there, model["id"], reference.number or None)
        if number is not None:
            return number
        latest, number = model["latest_version"], reference.number
        which = f"version {number}" if number else "version yet"
        hint = f"there is {'version 1' if latest == 1 else f'1 to {latest}'}" if latest else "register one first"
        if 0 < number <= latest:
            hint = "it was deleted"
        raise NotFound(
            f"{field}: model {model['name']!r} has no {which}", field=field, hint=hint, reason="VERSION_NOT_FOUND"
        )

    async def version(self, model: Row, number: int, tx: OutboxTransaction | None = None) -> Row:
        """A version that is known to be there."""
        reader: Reader = tx.conn if tx else self._database
        return await reader.fetchrow(q.get_version, model["id"], number)

    async def versions(self, model: Row, before: int, limit: int) -> Sequence[Row]:
        return await self._database.fetch(q.list_versions, model["id"], before, limit)

    async def update_version(
        self, tx: OutboxTransaction, model: Row, number: int, description: str, tags: dict[str, str]
    ) -> Any:
        """Returns the time of the change."""
        await tx.conn.execute(q.update_version, model["id"], number, description, tags)
        return await tx.conn.fetchval(q.touch_model, model["id"])

    # Aliases

    async def pointed(self, tx: OutboxTransaction, model: Row, alias: str) -> int:
        """The version that an alias points at; 0: it is not set."""
        return await tx.conn.fetchval(q.find_alias, model["id"], alias) or 0

    async def move(self, tx: OutboxTransaction, model: Row, move: Move, traceparent: str) -> Row:
        """Moves or removes an alias of a locked model, records the evidence and tells of it. Returns the promotion."""
        if move.version:
            await tx.conn.execute(q.point_alias, model["id"], move.alias, move.version)
        else:
            await tx.conn.execute(q.delete_alias, model["id"], move.alias)
        at: Any = await tx.conn.fetchval(q.touch_model, model["id"])
        event_id = tx.emit(facts.moved(model["project"], model["name"], move, at, model["id"]), traceparent)
        await tx.conn.execute(
            q.insert_promotion,
            model["id"], move.alias, move.version, move.previous, move.reason, move.metrics, actor_row(move.actor),
            event_id, move.request_id, at,
        )  # fmt: skip
        return await self.standing(tx, model, move.alias)

    async def moved_before(self, tx: OutboxTransaction, model: Row, request_id: str | None, alias: str) -> Row | None:
        """What a request with this id has done already. Raises AlreadyExists when that was another alias."""
        row = request_id and await tx.conn.fetchrow(q.promotion_of_request, model["id"], request_id)
        if row and row["alias"] != alias:
            text = f"request_id: moved alias {row['alias']!r} before, not {alias!r}"
            raise AlreadyExists(text, field="request_id", hint="send a new request_id with each promotion")
        return row or None

    async def standing(self, tx: OutboxTransaction, model: Row, alias: str) -> Row:
        """The last promotion of an alias that was moved."""
        row = await tx.conn.fetchrow(q.standing_promotion, model["id"], alias)
        assert row is not None
        return row

    async def promotions(self, model: Row, alias: str, before: int, limit: int) -> Sequence[Row]:
        return await self._database.fetch(q.list_promotions, model["id"], alias or None, before, limit)

    async def no_alias(self, tx: OutboxTransaction, model: Row, alias: str) -> NotFound:
        return await self._no_alias(tx.conn, model, alias, "alias")

    async def _no_alias(self, reader: Reader, model: Row, alias: str, field: str) -> NotFound:
        known = [f"{row['alias']!r} → {row['version']}" for row in await reader.fetch(q.all_aliases, model["id"])]
        shown = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
        return NotFound(
            f"{field}: model {model['name']!r} has no alias {alias!r}",
            field=field,
            hint=f"its aliases are {shown}" if known else "it has no alias yet; promote a version first",
            reason="ALIAS_NOT_FOUND",
        )
