"""What people, judges and code say of a trace: feedback, expectations, references to issues.

One that overrides another makes that one invalid for as long as it is there itself.
"""

import uuid
from typing import Any

import asyncpg

from headwater_server.kit.database import Database
from headwater_server.kit.errors import InvalidArgument, NotFound
from headwater_server.kit.rpc import Call
from headwater_server.tracking.limits import now_ms
from headwater_server.tracking.mlflow import checks
from headwater_server.tracking.mlflow.scope import Scope, seen
from headwater_server.tracking.store import q
from headwater_server.tracking.traces import answers, bodies, names

MAX_NAME, MAX_ID = 250, 50
_KINDS = {"feedback": ("feedback", "a Feedback"), "expectation": ("expectation", "an Expectation")}


class Assessments:
    def __init__(self, scope: Scope, database: Database) -> None:
        self._store, self._database = scope.store, database

    async def create(self, body: bodies.NewAssessment, project: str, call: Call) -> dict[str, Any]:
        trace = await self._trace(body.trace_id, project, call)
        try:
            async with self._database.transaction() as conn:
                ident = await put(conn, trace, body.trace_id, body.assessment)
                return {"assessment": answers.assessment(await conn.fetchrow(q.tr_assessment, trace, ident))}
        except asyncpg.ForeignKeyViolationError:
            raise NotFound(f"Trace with ID '{body.trace_id}' not found. It may have been deleted.") from None

    async def get(self, body: bodies.OfAssessment, project: str, call: Call) -> dict[str, Any]:
        async with self._database.transaction() as conn:
            row = await self._one(conn, body.trace_id, body.assessment_id, project, call)
        return {"assessment": answers.assessment(row)}

    async def update(self, body: bodies.UpdateAssessment, project: str, call: Call) -> dict[str, Any]:
        async with self._database.transaction() as conn:
            row = await self._one(conn, body.trace_id, body.assessment_id, project, call)
            if body.type is not None and body.type != row["type"]:
                raise InvalidArgument(
                    f"Cannot update {_KINDS[body.type][0]} value on {_KINDS.get(row['type'], ('', 'an Issue'))[1]} "
                    "assessment."
                )
            changed = bodies.Assessment(
                name=body.name if body.name is not None else row["name"],
                type=row["type"],
                value=row["value"] if body.type is None else body.value,
                error=row["error"] if body.type is None else body.error,
                source_type=row["source_type"],
                source_id=row["source_id"],
                span_id=row["span_id"],
                rationale=body.rationale if body.rationale is not None else row["rationale"],
                metadata=row["metadata"] | (body.metadata or {}),
                valid=row["valid"] if body.valid is None else body.valid,
                created_ms=row["created_ms"],
                updated_ms=now_ms(),
                assessment_id=row["assessment_id"],
            )
            await put(conn, row["trace"], body.trace_id, changed)
            row = await conn.fetchrow(q.tr_assessment, row["trace"], row["assessment_id"])
        return {"assessment": answers.assessment(row)}

    async def delete(self, body: bodies.OfAssessment, project: str, call: Call) -> dict[str, Any]:
        """One that is gone already is gone."""
        trace = await self._trace(body.trace_id, project, call)
        async with self._database.transaction() as conn:
            gone = await conn.fetchrow(q.tr_delete_assessment, trace, body.assessment_id)
            if gone is not None and gone["overrides"]:
                await conn.execute(q.tr_validate_assessment, trace, gone["overrides"], True)
        return {}

    async def _trace(self, trace: str, project: str, call: Call) -> int:
        row = await self._store.fetchrow(q.tr_one, trace, seen(call), project)
        if row is None:
            raise names.no_trace(trace)
        return row["id"]

    async def _one(self, conn: asyncpg.Connection, trace: str, ident: str, project: str, call: Call) -> Any:
        """Its row, locked."""
        found = await conn.fetchrow(q.tr_one, trace, seen(call), project)
        if found is None:
            raise NotFound(f"Trace with request_id '{trace}' not found")
        row = await conn.fetchrow(q.tr_assessment, found["id"], ident)
        if row is None:
            raise NotFound(f"Assessment with ID '{ident}' not found for trace '{trace}'")
        return row


async def put(conn: asyncpg.Connection, trace: int, name: str, said: bodies.Assessment) -> str:
    """Stores what is said of a trace; its id. name: of the trace, for who reads an error."""
    ident = said.assessment_id or f"a-{uuid.uuid4().hex}"
    if not said.name or len(said.name) > MAX_NAME:
        raise checks.invalid("assessment_name", said.name)
    if len(ident) > MAX_ID or not ident.isprintable():
        raise checks.invalid("assessment_id", ident)
    new = said.overrides and not said.assessment_id
    if new and await conn.fetchval(q.tr_validate_assessment, trace, said.overrides, False) is None:
        raise NotFound(f"Assessment with ID '{said.overrides}' not found for trace '{name}'")
    await conn.execute(
        q.tr_put_assessment, trace, ident, said.name, said.type, said.value, said.error, said.source_type,
        said.source_id, said.span_id, said.rationale, said.metadata, said.overrides, said.valid, said.created_ms,
        said.updated_ms,
    )  # fmt: skip
    return ident
