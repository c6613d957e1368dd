"""The bulk way in: many batches of many runs, one transaction, points by COPY.

Stores a batch (run, batch_id) once however often it comes. Keeps the latest point of each series and the first value
of each param. Says how many points came to which run. Never reads a message: events.py and api.py do.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import asyncpg

from headwater_server.kit.database import Database, load_queries
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.ids import subject_token
from headwater_server.kit.outbox import Outbox, OutboxTransaction
from headwater_server.tracking.batches import Batch, Row, latest
from headwater_server.tracking.flow_runs import nested_id, nested_name, nested_tags
from headwater_server.tracking.names import name_for
from headwater_server.tracking.store import DEFAULT_EXPERIMENT, NewRun, RunRef, Store, param_conflict

q = load_queries(__package__)
Came = Callable[[int, int], None]


@dataclass(frozen=True)
class Target:
    """A batch and the inner id of the run that it goes to."""

    run: int
    batch: Batch


class Ingest:
    def __init__(self, database: Database, outbox: Outbox, store: Store, came: Came) -> None:
        self._database, self._outbox, self._store, self._came = database, outbox, store, came

    async def place(self, batches: Sequence[Batch]) -> list[Target | InvalidArgument]:
        """Finds the run of each batch; makes the runs that nobody has told of yet. A batch whose run lies in another
        project gets an error in its place."""
        await self._make_missing({b.run: b for b in batches}, {})
        parents = await self._store.locate_all(b.run for b in batches)
        placed = [_refusal(b, parents.get(b.run)) or Target(parents[b.run].id, b) for b in batches]
        nested = {
            nested_id(b.run, b.task): b
            for b, p in zip(batches, placed, strict=True)
            if b.task and isinstance(p, Target)
        }
        if nested:
            await self._make_missing(nested, parents)
            runs = await self._store.locate_all(nested)
            for number, (batch, found) in enumerate(zip(batches, placed, strict=True)):
                if batch.task and isinstance(found, Target):
                    placed[number] = Target(runs[nested_id(batch.run, batch.task)].id, batch)
        return placed

    async def _make_missing(self, wanted: dict[uuid.UUID, Batch], parents: dict[uuid.UUID, RunRef]) -> None:
        known = await self._store.locate_all(wanted)
        missing = sorted(wanted.keys() - known.keys())
        if not missing:
            return
        keys = await self._store.ensure_keys(["headwater.step", "headwater.task_id"]) if parents else {}
        async with self._outbox.transaction() as tx:
            for run in missing:
                await self._make(tx, run, wanted[run], parents.get(wanted[run].run), keys)

    async def _make(
        self, tx: OutboxTransaction, run: uuid.UUID, batch: Batch, parent: RunRef | None, keys: dict[str, int]
    ) -> None:
        if parent is None:
            experiment = await self._store.open_experiment(tx, batch.project, DEFAULT_EXPERIMENT)
            new = NewRun(run, batch.project, experiment, name_for(str(run)), provisional=True, of_flow=True)
            await self._store.create_run(tx, new)
            return
        row = await self._store.placed(tx, batch.run)
        assert row is not None
        new = NewRun(
            run, row["project"], row["experiment_id"], nested_name(batch.task), row["state"], parent.id,
            finished_at=row["finished_at"], provisional=row["provisional"], of_flow=True,
        )  # fmt: skip
        made = await self._store.create_run(tx, new)
        if made is not None:
            await self._store.add_texts(tx, made, keys, {}, nested_tags(batch.task))

    async def write(self, targets: Sequence[Target], *, strict: bool) -> dict[int, InvalidArgument]:
        """Stores the batches. strict: a param that would change refuses everything; else the first value stays and
        the answer holds the error by position of the target."""
        keys = await self._store.ensure_keys(_names(targets))

        async def work() -> dict[int, InvalidArgument]:
            async with self._database.transaction() as conn:
                fresh = await self._fresh(conn, targets)
                conflicts = await self._params(conn, targets, keys)
                if conflicts and strict:
                    raise next(iter(conflicts.values()))
                await self._points(conn, fresh, keys)
                await self._tags(conn, fresh, keys)
                return conflicts

        conflicts = await self._database.retrying(work)
        for target in targets:
            self._came(target.run, len(target.batch.points))
        return conflicts

    async def _fresh(self, conn: asyncpg.Connection, targets: Sequence[Target]) -> list[Target]:
        """Those that were not stored before."""
        ids = sorted({(t.run, t.batch.batch_id) for t in targets if t.batch.batch_id})
        new: set[tuple[int, str]] = set()
        if ids:
            rows = await conn.fetch(q.insert_batches, [i[0] for i in ids], [i[1] for i in ids])
            new = {(row["run_id"], row["batch_id"]) for row in rows}
        fresh: list[Target] = []
        for target in targets:
            identity = (target.run, target.batch.batch_id)
            if not target.batch.batch_id or identity in new:
                new.discard(identity)
                fresh.append(target)
        return fresh

    async def _points(self, conn: asyncpg.Connection, targets: Sequence[Target], keys: dict[str, int]) -> None:
        rows: list[Row] = []
        for run, batch in ((t.run, t.batch) for t in targets):
            rows += [(run, keys[key], step, ts, value) for key, value, step, ts in batch.points]
        if not rows:
            return
        await conn.copy_records_to_table("points", records=rows, columns=["run_id", "key_id", "step", "ts", "value"])
        await conn.execute(q.upsert_latest, *(list(column) for column in zip(*latest(rows), strict=True)))

    async def _params(
        self, conn: asyncpg.Connection, targets: Sequence[Target], keys: dict[str, int]
    ) -> dict[int, InvalidArgument]:
        """Of batches that come again too: writing the same again changes nothing, and a conflict is told again."""
        wanted = [(t.run, keys[k], v, n, k) for n, t in enumerate(targets) for k, v in t.batch.params.items()]
        if not wanted:
            return {}
        wanted.sort(key=lambda w: (w[0], w[1], w[3]))
        columns = [w[0] for w in wanted], [w[1] for w in wanted], [w[2] for w in wanted]
        await conn.execute(q.insert_params, *columns)
        rows = await conn.fetch(q.differing_params, *columns)
        old = {(r["run_id"], r["key_id"], r["new"]): r["old"] for r in rows}
        conflicts: dict[int, InvalidArgument] = {}
        for run, key_id, value, number, key in wanted:
            if (run, key_id, value) in old:
                conflicts.setdefault(number, param_conflict(key, old[run, key_id, value], value))
        return conflicts

    async def _tags(self, conn: asyncpg.Connection, targets: Sequence[Target], keys: dict[str, int]) -> None:
        final = {(t.run, keys[k]): v for t in targets for k, v in t.batch.tags.items()}
        if final:
            order = sorted(final)
            await conn.execute(q.upsert_tags, [o[0] for o in order], [o[1] for o in order], [final[o] for o in order])


def _names(targets: Sequence[Target]) -> set[str]:
    names: set[str] = set()
    for target in targets:
        names.update(target.batch.params, target.batch.tags)
        names.update({point.key for point in target.batch.points})
    return names


def _refusal(batch: Batch, run: RunRef | None) -> InvalidArgument | None:
    """No run: it was deleted, or no other would have been made."""
    if run is not None and batch.project in (run.project, subject_token(run.project)):
        return None
    return InvalidArgument(
        f"run_id: project {batch.project!r} has no run {batch.run}", field="run_id", reason="RUN_NOT_FOUND"
    )
