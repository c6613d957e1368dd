"""Keeps long runs' logs from falling out of the stream: when it fills up or grows old, what it holds is archived early.

The stream drops its oldest messages at its limits, whether their run is over or not.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
import structlog

from headwater_server.executor.archiver import Archiver
from headwater_server.executor.log_stream import STREAM
from headwater_server.executor.store import Store
from headwater_server.kit.bus import Bus
from headwater_server.kit.clock import now

log = structlog.get_logger("executor.retention")
LOOK_SECONDS = 300.0
# An old stream is the usual case; the runs in it are looked at this rarely.
AGED_SECONDS = 6 * 3600.0
FULL = 0.5
OLD = 0.5


class Retention:
    def __init__(self, bus: Bus, store: Store, archiver: Archiver) -> None:
        self._bus, self._store, self._archiver = bus, store, archiver
        self._aged_at = -AGED_SECONDS

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Has every run in the stream archived when the stream may soon drop some of it."""
        info = await self._info({})
        at = asyncio.get_running_loop().time()
        if not is_full(info):
            if not is_old(info) or at - self._aged_at < AGED_SECONDS:
                return
            self._aged_at = at
        runs = await self._runs()
        log.info("archiving early", runs=len(runs), bytes=info["state"]["bytes"], since=info["state"]["first_ts"])
        await self._store.look_soon(runs)
        self._archiver.wake()

    async def _runs(self) -> set[tuple[uuid.UUID, str]]:
        found: set[tuple[uuid.UUID, str]] = set()
        offset, total = 0, 1
        while offset < total:
            page = await self._info({"subjects_filter": "hw.logs.v1.>", "offset": offset})
            subjects = page["state"].get("subjects") or {}
            found |= runs_of(subjects)
            offset, total = offset + max(len(subjects), 1), int(page.get("total", 0))
        return found

    async def _info(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = await self._bus.request(f"$JS.API.STREAM.INFO.{STREAM}", msgspec.json.encode(request))
        return msgspec.json.decode(answer.data)


def is_full(info: dict[str, Any]) -> bool:
    most = info["config"].get("max_bytes", -1)
    return most > 0 and info["state"]["bytes"] >= FULL * most


def is_old(info: dict[str, Any]) -> bool:
    seconds, state = info["config"].get("max_age", 0) / 1e9, info["state"]
    if not seconds or not state["messages"]:
        return False
    return (now() - msgspec.convert(state["first_ts"], datetime)).total_seconds() >= OLD * seconds


def runs_of(subjects: Iterable[str]) -> set[tuple[uuid.UUID, str]]:
    """(run, project) of subjects hw.logs.v1.<project>.<run>.<task>; others are nobody's run."""
    found: set[tuple[uuid.UUID, str]] = set()
    for subject in subjects:
        tokens = subject.split(".")
        with contextlib.suppress(ValueError, IndexError):
            found.add((uuid.UUID(tokens[4]), tokens[3]))
    return found
