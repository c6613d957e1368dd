"""How long runs are kept: rules are rows, one per project, and every replica carries out what is due.

A run goes under its own lock, and only if it is still past the rule then; which replica was first does not matter.
"""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import structlog

from headwater_server.kit.database import CONFLICT, LOST
from headwater_server.kit.envelope import Envelope
from headwater_server.kit.errors import InvalidArgument, NotFound, ServiceError
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.scheduler.deletion import Deletion
from headwater_server.scheduler.store import Store, q

log = structlog.get_logger("scheduler.retention")
PERIOD = 30.0
PAGE = 100
MOST_COUNTED = 10_000
LONGEST = timedelta(days=36_500)
MOST_KEPT = 1_000_000
ACTOR = {"kind": "service", "name": "scheduler"}
REASON = "past the retention of its project"


class Retention:
    def __init__(self, store: Store, deletion: Deletion) -> None:
        self._store, self._deletion = store, deletion
        self._database = store.database

    async def set(self, project: str, keep_for: timedelta, keep_last: int, actor: dict[str, Any]) -> None:
        if not timedelta(0) < keep_for <= LONGEST:
            text = f"keep_runs_for: {keep_for.total_seconds():g} s is not between 0 and a hundred years"
            raise InvalidArgument(text, field="keep_runs_for", hint="e.g. 30d; `retention unset` keeps runs for ever")
        if not 0 <= keep_last <= MOST_KEPT:
            text = f"keep_last: {keep_last} is not between 0 and {MOST_KEPT:,}"
            raise InvalidArgument(
                text, field="keep_last", hint="how many of the newest runs of each flow stay in any case"
            )
        await self._database.execute(q.set_retention, project, keep_for, keep_last, actor)

    async def get(self, project: str) -> tuple[asyncpg.Record, int] | None:
        """The rule of a project, and how many runs are past it now."""
        row = await self._database.fetchrow(q.get_retention, project)
        if row is None:
            return None
        return row, len(await self._database.fetch(q.runs_past_retention, project, None, MOST_COUNTED))

    async def unset(self, project: str) -> None:
        await self._database.execute(q.delete_retention, project)

    async def loop(self) -> None:
        while True:
            try:
                await self.sweep()
            except (*LOST, *CONFLICT, ServiceError) as error:
                log.warning("retention waits", error=str(error))
            await asyncio.sleep(PERIOD)

    async def sweep(self) -> int:
        """Deletes what is due; how many runs."""
        deleted = 0
        while rows := await self._database.fetch(q.runs_past_retention, "", None, PAGE):
            done = [await self._delete(row["run_id"]) for row in rows]
            deleted += sum(done)
            if not any(done):
                break
        if deleted:
            log.info("runs deleted by retention", runs=deleted)
        return deleted

    async def _delete(self, run: uuid.UUID) -> bool:
        async def still(tx: OutboxTransaction) -> bool:
            return bool(await tx.conn.fetch(q.runs_past_retention, "", run, 1))

        try:
            return await self._deletion.delete(await self._store.info(str(run)), REASON, ACTOR, still=still)
        except NotFound:  # another replica was first
            return False

    # Runs that made model versions are kept: what the registry says of these.

    async def on_model(self, tx: OutboxTransaction, event: Envelope) -> None:
        data = event.data
        project, name = str(data.get("project") or "default"), str(data.get("name") or "")
        match event.type:
            case "model.version_created":
                run = _uuid(data.get("runId"))
                if run is not None:
                    await tx.conn.execute(q.note_version, project, name, int(data.get("version") or 0), run)
            case "model.version_deleted":
                await tx.conn.execute(q.forget_version, project, name, int(data.get("version") or 0))
            case "model.deleted":
                await tx.conn.execute(q.forget_model, project, name)
            case "model.renamed":
                await tx.conn.execute(q.rename_model, project, str(data.get("previousName") or ""), name)


MODEL_FACTS = ("model.version_created", "model.version_deleted", "model.deleted", "model.renamed")


def _uuid(text: object) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
