"""What could be handed out in a pool, read from the tables: ready tasks, gangs, branches of foreach steps; and how much
room the concurrency limits leave. Nothing here changes anything."""

import asyncpg

from headwater_server.kit.errors import ServiceError
from headwater_server.scheduler.admission import Candidate
from headwater_server.scheduler.graph import Step
from headwater_server.scheduler.keys import Key
from headwater_server.scheduler.needs import Spot
from headwater_server.scheduler.store import Store, q


class Inconsistent(Exception):
    """Rows of a run contradict each other, or its graph: it cannot go on, and must not hold up others."""

    def __init__(self, run_id: str, why: str) -> None:
        super().__init__(f"run {run_id}: {why}")
        self.run_id, self.why = run_id, why


class Candidates:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, conn: asyncpg.Connection, pool: str) -> list[Candidate]:
        """Raises Inconsistent."""
        found: list[Candidate] = []
        gangs: set[tuple[str, str, str]] = set()
        for row in await conn.fetch(q.ready_tasks, pool):
            key, step = await self._task(conn, row)
            limits = _limits(row["project"], step)
            who = key.run_id, row["project"], row["priority"]
            if not step.member:
                found.append(Candidate(*who, 1, ("tasks", [key]), 1, limits, step.need))
            elif (gang := (key.run_id, key.step, key.path)) not in gangs:
                gangs.add(gang)
                keys = await self._gang(conn, key)
                found.append(Candidate(*who, 1, ("tasks", keys), len(keys), limits, step.need))
        for row in await conn.fetch(q.open_splits, pool):
            key, step = await self._task(conn, row)
            count, size = (1, row["left"]) if step.gang else (row["left"], 1)
            target = (await self._store.info(key.run_id, conn)).plan[step.next[0]]
            who = key.run_id, row["project"], row["priority"]
            limits = _limits(row["project"], target)
            found.append(Candidate(*who, count, ("split", key), size, limits, target.need))
        return found

    async def _task(self, conn: asyncpg.Connection, row: asyncpg.Record) -> tuple[Key, Step]:
        try:
            key = await self._store.key_of(row, conn)
            return key, (await self._store.info(key.run_id, conn)).plan[key.step]
        except (KeyError, ValueError, ServiceError) as error:
            where = f"{row['step']}[{row['path']!r}, {row['index']}]"
            raise Inconsistent(str(row["run_id"]), f"the task {where} does not fit its graph: {error}") from None

    async def _gang(self, conn: asyncpg.Connection, member: Key) -> list[Key]:
        """All ready members of a gang."""
        rows = await conn.fetch(q.ready_members, member.run_id, member.step, member.path)
        return [member.at(member.step, (*member.indexes[:-1], r["index"])) for r in rows]

    async def max_workers(self, conn: asyncpg.Connection, candidates: list[Candidate], whole: int) -> dict[str, int]:
        """How many more tasks those runs may have that set a max_workers which is less than all slots of the pool."""
        most = {c.run_id: (await self._store.info(c.run_id, conn)).max_workers for c in candidates}
        limited = {run_id: limit for run_id, limit in most.items() if 0 < limit < whole}
        if not limited:
            return {}
        rows = await conn.fetch(q.running_tasks, list(limited))
        running = {str(row["run_id"]): row["running"] for row in rows}
        return {run_id: max(0, limit - running.get(run_id, 0)) for run_id, limit in limited.items()}

    async def spots(self, conn: asyncpg.Connection, pool: str, candidates: list[Candidate], whole: int) -> list[Spot]:
        """The workers of the pool and what they have free, where it matters who gets a task."""
        if not any(c.need or c.size > whole for c in candidates):
            return []
        return [spot(row) for row in await conn.fetch(q.spots, [pool])]

    async def limits(self, conn: asyncpg.Connection, candidates: list[Candidate]) -> dict[tuple[str, str], int]:
        """What is left of the concurrency limits that candidates count for. Until the end of the transaction nobody
        else hands out tasks that count for them."""
        keys = sorted({key for c in candidates for key in c.limits})
        if not keys:
            return {}
        for project, key in keys:
            await conn.execute(q.lock_limit, project, key)
        rows = await conn.fetch(q.read_limits, [project for project, _ in keys], [key for _, key in keys])
        return {(row["project"], row["key"]): row["left"] for row in rows}


def spot(row: asyncpg.Record) -> Spot:
    return Spot(
        str(row["session_id"]),
        row["slots"],
        row["gang_slots"],
        row["gpus"],
        row["memory_mb"],
        row["cpus"],
        row["busy"],
        row["gpus_used"],
        row["memory_used"],
        row["listens"],
    )


def _limits(project: str, step: Step) -> tuple[tuple[str, str], ...]:
    return tuple((project, key) for key in step.limits)
