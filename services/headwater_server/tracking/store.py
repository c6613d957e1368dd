"""Experiments and runs in Postgres: create, find, change, search, load.

Owns the ids inside (bigint runs, int keys) and their caches. Bulk writes of points are in ingest.py, the statements in
queries/*.sql; never decides what a filter means.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from headwater.api.events.v1 import events_pb2
from headwater_server.kit.clock import timestamp
from headwater_server.kit.database import Database, load_queries
from headwater_server.kit.errors import FailedPrecondition, InvalidArgument, NotFound
from headwater_server.kit.hints import did_you_mean
from headwater_server.kit.ids import subject_token
from headwater_server.kit.outbox import OutboxTransaction
from headwater_server.tracking.columns import EVERYTHING, Columns
from headwater_server.tracking.search_sql import Query

q = load_queries(__package__)
DEFAULT_EXPERIMENT = "Default"
_CACHED = 50_000


class RunRef(NamedTuple):
    """What never changes about a run. provisional: its project may, it is only known as a token of a subject."""

    id: int
    project: str
    provisional: bool = False


@dataclass(frozen=True)
class NewRun:
    uuid: uuid.UUID
    project: str
    experiment_id: int
    name: str
    state: int = 1
    parent_id: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    provisional: bool = False
    # Of a flow's run or of one of its tasks: the scheduler ends it.
    of_flow: bool = False


@dataclass(frozen=True)
class LoadedRun:
    """A run with all that lists show of it."""

    row: asyncpg.Record
    params: dict[str, str]
    tags: dict[str, str]
    metrics: list[asyncpg.Record]


class Store:
    def __init__(self, database: Database) -> None:
        self.database = self._database = database
        self._runs: dict[uuid.UUID, RunRef] = {}
        self._keys: dict[str, int] = {}
        self._names: dict[int, str] = {}

    # Statements of the MLflow dialect, which has its queries and rows to itself

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        return await self._database.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: Any) -> asyncpg.Record | None:
        return await self._database.fetchrow(sql, *args)

    async def execute(self, sql: str, *args: Any) -> None:
        await self._database.execute(sql, *args)

    async def remove(self, sql: str, *args: Any) -> int:
        """How many rows went."""
        return int((await self._database.execute(sql, *args)).rpartition(" ")[2] or 0)

    # Keys

    async def names_of(self, keys: Iterable[int]) -> dict[int, str]:
        """Names of keys, and of many others."""
        missing = [key for key in set(keys) if key not in self._names]
        if missing:
            if len(self._names) > _CACHED:
                self._names.clear()
                missing = list(set(keys))
            self._names.update((row["id"], row["name"]) for row in await self.fetch(q.ml_key_names, missing))
        return self._names

    async def known_keys(self, names: Iterable[str]) -> dict[str, int]:
        """Ids of those of the names that were ever logged."""
        wanted = set(names)
        if missing := [name for name in wanted if name not in self._keys]:
            self._remember(self._keys, await self._database.fetch(q.find_keys, missing))
        return {name: self._keys[name] for name in wanted if name in self._keys}

    async def ensure_keys(self, names: Iterable[str]) -> dict[str, int]:
        """Ids of all the names. Commits on its own: a key without a value harms nobody, a lock held long does."""
        wanted = set(names)
        found = await self.known_keys(wanted)
        if len(found) < len(wanted):
            await self._database.execute(q.insert_keys, sorted(wanted - found.keys()))
            found = await self.known_keys(wanted)
        return found

    async def ensure_keys_in(self, tx: OutboxTransaction, names: Iterable[str]) -> dict[str, int]:
        """The same inside a transaction: waiting for a second connection while holding one, all handlers could wait
        for each other. What is new may be rolled back, so it is not remembered."""
        found = {name: self._keys[name] for name in set(names) if name in self._keys}
        for last in (False, True):
            if missing := sorted(set(names) - found.keys()):
                found |= {row["name"]: row["id"] for row in await tx.conn.fetch(q.find_keys, missing)}
            if not last and (missing := sorted(set(names) - found.keys())):
                await tx.conn.execute(q.insert_keys, missing)
        return found

    def _remember(self, cache: dict[str, int], rows: Sequence[asyncpg.Record]) -> None:
        if len(cache) > _CACHED:
            cache.clear()
        cache.update((row["name"], row["id"]) for row in rows)

    # Experiments

    async def ensure_experiment(
        self, tx: OutboxTransaction, project: str, name: str, tags: dict[str, str] | None = None
    ) -> int:
        """Id of an experiment, made on first use."""
        found: int | None = await tx.conn.fetchval(q.find_experiment, project, name)
        if found is None:
            found = await self.create_experiment(tx, project, name, tags)
        if found is None:  # another transaction has made it meanwhile
            found = await tx.conn.fetchval(q.find_experiment, project, name)
        assert found is not None
        return found

    async def open_experiment(self, tx: OutboxTransaction, project: str, name: str, *, revive: bool = True) -> int:
        """Id of an experiment that a run is about to be made in, made on first use; nobody deletes it until tx ends.
        A deleted one comes back, without its runs: a flow that runs again must be seen. Without revive it raises
        FailedPrecondition."""
        found: int | None = await tx.conn.fetchval(q.hold_experiment, project, name)
        if found is None and not revive and await tx.conn.fetchval(q.find_experiment, project, name) is not None:
            raise FailedPrecondition(
                f"experiment: {name!r} is deleted", field="experiment", hint="restore it, or name another"
            )
        if found is None:
            found = await tx.conn.fetchval(q.revive_experiment, project, name)
        return found if found is not None else await self.ensure_experiment(tx, project, name)

    async def create_experiment(
        self, tx: OutboxTransaction, project: str, name: str, tags: dict[str, str] | None = None
    ) -> int | None:
        """Id of a new experiment; None when it exists."""
        row = await tx.conn.fetchrow(q.insert_experiment, project, name, tags or {})
        if row is None:
            return None
        at = timestamp(row["created_at"])
        tx.emit(events_pb2.ExperimentCreated(project=project, name=name, experiment_id=str(row["id"]), at=at))
        return row["id"]

    async def experiment(self, project: str, name: str) -> asyncpg.Record:
        row = await self._database.fetchrow(q.get_experiment, project, name)
        if row is None:
            raise await self._no_experiment(project, name, "name")
        return row

    async def experiments(self, project: str, after: str, limit: int) -> list[asyncpg.Record]:
        return await self._database.fetch(q.list_experiments, project, after, limit)

    async def experiment_ids(self, project: str, names: Sequence[str]) -> list[int]:
        rows = await self._database.fetch(q.experiment_ids, project, list(names))
        missing = set(names) - {row["name"] for row in rows}
        for name in sorted(missing):
            raise await self._no_experiment(project, name, "experiments")
        return [row["id"] for row in rows]

    async def _no_experiment(self, project: str, name: str, field: str) -> NotFound:
        names = [row["name"] for row in await self._database.fetch(q.experiment_names, project)]
        return NotFound(
            f"{field}: project {project!r} has no experiment {name!r}",
            field=field,
            hint=did_you_mean(name, names),
            reason="EXPERIMENT_NOT_FOUND",
        )

    # Runs

    async def locate(self, run: uuid.UUID, field: str = "run_id") -> RunRef:
        """The inner id and the project of a run. Raises NotFound."""
        found = await self.locate_all([run])
        if run not in found:
            raise no_run(run, field)
        return found[run]

    async def locate_all(self, runs: Iterable[uuid.UUID]) -> dict[uuid.UUID, RunRef]:
        wanted = set(runs)
        found = {run: self._runs[run] for run in wanted if run in self._runs}
        if missing := wanted - found.keys():
            if len(self._runs) > _CACHED:
                self._runs.clear()
            for row in await self._database.fetch(q.locate_runs, missing):
                ref = RunRef(row["id"], row["project"], row["provisional"])
                found[row["uuid"]] = ref
                if not ref.provisional:
                    self._runs[row["uuid"]] = ref
        return found

    def know(self, run: uuid.UUID, ref: RunRef) -> None:
        """A run that was just made."""
        if len(self._runs) > _CACHED:
            self._runs.clear()
        self._runs[run] = ref

    async def create_run(self, tx: OutboxTransaction, run: NewRun) -> int | None:
        """Inner id of a new run; None when a run with this id exists, or existed and was deleted."""
        return await tx.conn.fetchval(
            q.insert_run,
            run.uuid, run.project, run.experiment_id, run.parent_id, run.name, run.state, run.started_at,
            run.finished_at, run.provisional, run.of_flow,
        )  # fmt: skip

    async def was_deleted(self, tx: OutboxTransaction, run: uuid.UUID) -> bool:
        return bool(await tx.conn.fetchval(q.was_deleted, run))

    def forget(self, runs: Iterable[uuid.UUID]) -> None:
        """They are gone."""
        for run in runs:
            self._runs.pop(run, None)

    def forget_all(self) -> None:
        """Some of them are gone, who knows which: nested runs are not named."""
        self._runs.clear()

    async def placed(self, tx: OutboxTransaction, run: uuid.UUID) -> asyncpg.Record | None:
        """id, project, experiment_id, state and finished_at of a run, which stays as it is until tx ends."""
        return await tx.conn.fetchrow(q.hold_run, run)

    async def heal_run(
        self, tx: OutboxTransaction, run: uuid.UUID, project: str, experiment_id: int, started_at: datetime
    ) -> None:
        """Completes a run that was made before its start was known. Others are left as they are."""
        tokens = [project, subject_token(project)]
        run_id = await tx.conn.fetchval(q.heal_run, run, experiment_id, started_at, project, tokens)
        if run_id is not None:
            await tx.conn.execute(q.move_nested, run_id, experiment_id, project)

    async def finish_flow_run(
        self, tx: OutboxTransaction, run: uuid.UUID, state: int, at: datetime
    ) -> asyncpg.Record | None:
        """Ends a running run and its nested ones. None: there is no such run, or it has ended before."""
        row = await tx.conn.fetchrow(q.finish_flow_run, run, state, at)
        if row is not None:
            await tx.conn.execute(q.finish_nested, row["id"], state, at)
        return row

    async def revive_flow_run(self, tx: OutboxTransaction, run: uuid.UUID, at: datetime) -> None:
        """It goes on, unless it has ended anew since."""
        await tx.conn.execute(q.revive_flow_run, run, at)

    async def update_run(
        self, tx: OutboxTransaction, run_id: int, state: int | None, name: str | None, at: datetime | None = None
    ) -> asyncpg.Record:
        """at: when it ended, if it does; None: now."""
        row = await tx.conn.fetchrow(q.update_run, run_id, state, name, at)
        assert row is not None
        return row

    async def add_texts(
        self, tx: OutboxTransaction, run_id: int, keys: dict[str, int], params: dict[str, str], tags: dict[str, str]
    ) -> None:
        """Params and tags of a run that is being made: a param that exists stays."""
        for sql, values in ((q.insert_params, params), (q.upsert_tags, tags)):
            if values:
                names = sorted(values, key=keys.__getitem__)
                await tx.conn.execute(sql, [run_id] * len(names), [keys[n] for n in names], [values[n] for n in names])

    # Reading

    async def find(self, queries: Sequence[Query], limit: int) -> list[asyncpg.Record]:
        """(id, started_at) of the runs that a search finds."""
        rows: list[asyncpg.Record] = []
        async with self._database.pool.acquire() as conn:
            await conn.execute(q.begin_search)
            try:
                for query in queries:
                    rows = await conn.fetch(query.sql, *query.args)
                    if not query.partial or len(rows) == limit:
                        break
            finally:
                if not conn.is_closed():
                    await conn.execute("COMMIT")  # rolls back after an error
        return rows

    async def count(self, query: Query) -> int:
        (row,) = await self.find([query], 1)
        return row["count"]

    async def load(self, ids: Sequence[int], columns: Columns = EVERYTHING) -> list[LoadedRun]:
        """Runs with those of their params, tags and latest metrics that are asked for, in the order of the ids."""
        if not ids:
            return []
        wanted = columns.wanted(await self.known_keys(columns.names))
        async with self._database.pool.acquire() as conn:

            async def of_kind(sql: str, keys: Sequence[int] | None) -> list[asyncpg.Record]:
                return [] if keys is not None and not keys else await conn.fetch(sql, ids, keys)

            rows = {row["id"]: row for row in await conn.fetch(q.load_runs, ids)}
            params = _grouped(await of_kind(q.load_params, wanted.params))
            tags = _grouped(await of_kind(q.load_tags, wanted.tags))
            metrics: dict[int, list[asyncpg.Record]] = {}
            for row in await of_kind(q.load_latest, wanted.metrics):
                metrics.setdefault(row["run_id"], []).append(row)
        return [LoadedRun(rows[i], params.get(i, {}), tags.get(i, {}), metrics.get(i, [])) for i in ids if i in rows]

    async def history(self, run_id: int, key: str, most: int) -> list[asyncpg.Record]:
        """Points of a series in order of step, thinned to at most `most`."""
        key_id = (await self.known_keys([key])).get(key)
        total = await self._database.fetchval(q.count_points, run_id, key_id) if key_id else 0
        if not total and key_id and (left := await self._database.fetch(q.latest_point, run_id, key_id)):
            return left
        if not total:
            raise await self._no_metric(run_id, key)
        if total <= most:
            return await self._database.fetch(q.all_points, run_id, key_id)
        return await self._database.fetch(q.thinned_points, run_id, key_id, max(0, (most - 2) // 2), most > 1)

    async def _no_metric(self, run_id: int, key: str) -> NotFound:
        names = [row["name"] for row in await self._database.fetch(q.metric_names, run_id)]
        hint = did_you_mean(key, names) if names else "the run has no metrics"
        return NotFound(f"key: the run has no metric {key!r}", field="key", hint=hint, reason="METRIC_NOT_FOUND")


def no_run(run: object, field: str) -> NotFound:
    """There is none, or the caller must not know of it."""
    hint = "`headwater runs` lists them"
    return NotFound(f"{field}: no tracked run {run}", field=field, hint=hint, reason="RUN_NOT_FOUND")


def _grouped(rows: Iterable[Any]) -> dict[int, dict[str, str]]:
    found: dict[int, dict[str, str]] = {}
    for run_id, name, value in rows:
        found.setdefault(run_id, {})[name] = value
    return found


def param_conflict(key: str, old: str, new: str) -> InvalidArgument:
    def cut(text: str) -> str:
        return repr(text if len(text) <= 100 else text[:99] + "…")

    return InvalidArgument(
        f"params[{key!r}]: is {cut(old)} already, it cannot become {cut(new)}",
        field=f"params[{key!r}]",
        hint="a param is written once; log another key, or a tag, or a metric",
        reason="PARAM_CHANGED",
        key=key,
        old=old[:500],
        new=new[:500],
    )
