"""How long points are kept, and in which form: the points of runs that are over are packed, and thinned by the rules of
their experiment or project.

A series is packed or thinned in one statement, so a crash leaves it as it was or as it is to be. Several replicas may
do so at the same time: who comes second finds nothing to do.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog

from headwater_server.kit.database import CONFLICT, LOST, Database
from headwater_server.kit.errors import ServiceError
from headwater_server.tracking.store import q

log = structlog.get_logger("tracking.keeping")
PERIOD = 60.0
# Shorter series stay as they are: a packed one is not smaller.
WORTH_IT = 200
POINTS_PER_ROW = 1000
# A run is left alone for so long after its end: late points come by the bus.
REST = timedelta(minutes=10)
# Of a run that goes on, once so many have come in.
BUSY = 100_000
RUNS_AT_ONCE = 200
# Of one statement: its rows are in the memory of the server.
POINTS_AT_ONCE = 200_000
EVERYWHERE = "*"


class Keeping:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._coming: dict[int, int] = {}
        self._busy: set[int] = set()

    def came(self, run: int, points: int) -> None:
        """So many points of a run were stored."""
        count = self._coming.get(run, 0) + points
        if count >= BUSY:
            self._busy.add(run)
            count = 0
        self._coming[run] = count
        if len(self._coming) > 10_000:
            self._coming.clear()

    async def loop(self) -> None:
        while True:
            try:
                await self._sweep()
            except (*LOST, *CONFLICT, ServiceError) as error:
                log.warning("upkeep of points waits", error=str(error))
            await asyncio.sleep(PERIOD)

    async def _sweep(self) -> None:
        while self._busy:
            await self._pack([self._busy.pop()], POINTS_PER_ROW)
        while await self.pack(EVERYWHERE):
            pass
        while (await self.thin(EVERYWHERE))[0]:
            pass

    async def pack(self, project: str, rest: timedelta = REST) -> int:
        """Packs the points of some runs that are over; how many runs."""
        runs = [row["id"] for row in await self._database.fetch(q.runs_to_pack, project, rest, RUNS_AT_ONCE)]
        if runs:
            await self._pack(runs, WORTH_IT)
            await self._database.execute(q.runs_packed, runs)
        return len(runs)

    async def _pack(self, runs: Sequence[int], worth: int) -> None:
        series: dict[int, list[Any]] = {}
        for row in await self._database.fetch(q.long_series, runs, worth):
            series.setdefault(row["run_id"], []).append(row)
        for run, rows in series.items():
            for keys in _portions(rows):
                await self._change(lambda run=run, keys=keys: self._pack_some(run, keys))

    async def _pack_some(self, run: int, keys: list[int]) -> None:
        await self._database.execute(q.pack_series, run, keys, POINTS_PER_ROW)

    async def due(self, project: str, most: int) -> int:
        """How many runs the rules would thin now."""
        return len(await self._database.fetch(q.runs_to_thin, project, most))

    async def thin(self, project: str) -> tuple[int, int]:
        """Applies the rules to some runs; how many runs that were, and how many points went."""
        rows = await self._database.fetch(q.runs_to_thin, project, RUNS_AT_ONCE)
        gone = 0
        for row in rows:
            gone += await self._thin(row["id"], row["keep"])
            await self._database.execute(q.runs_thinned, [row["id"]])
        return len(rows), gone

    async def _thin(self, run: int, keep: int) -> int:
        gone = 0
        for keys in _portions(await self._database.fetch(q.series_to_thin, run, keep)):
            gone += await self._change(
                lambda keys=keys: self._database.fetchval(q.thin_series, run, keys, keep, POINTS_PER_ROW)
            )
        return gone

    async def _change(self, work: Callable[[], Awaitable[Any]]) -> Any:
        return await self._database.retrying(work)


def _portions(rows: Sequence[Any]) -> list[list[int]]:
    """Keys of series that are changed together."""
    found: list[list[int]] = []
    left = 0
    for row in rows:
        if row["points"] > left or not found:
            found.append([])
            left = POINTS_AT_ONCE
        found[-1].append(row["key_id"])
        left -= row["points"]
    return found


class Deadline:
    """So that a call ends some seconds after it began, and says whether there is more to do."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        return time.monotonic() > self._end
