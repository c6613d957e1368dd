"""Chunks of a run as they lie in the stream HW_LOGS: read by batches of direct gets, which leave nothing behind.

A batch is one request; the server needs no consumer for it. Read-only.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec
import nats.errors
from nats.aio.msg import Msg

from headwater_server.executor.chunks import Wanted
from headwater_server.kit.bus import Bus
from headwater_server.kit.errors import Unavailable
from headwater_server.kit.ids import subject_token

STREAM = "HW_LOGS"
BATCH = 500
BATCH_BYTES = 1 << 20
PATIENCE = 5.0


class Stored(NamedTuple):
    seq: int
    subject: str
    data: bytes


def run_subject(project: str, run_id: str, wanted: Wanted | None = None) -> str:
    """The subjects of a run; of one task when that is wanted."""
    task = subject_token(f"{wanted.step}-{wanted.task_id}") if wanted and wanted.step and wanted.task_id else ">"
    return f"hw.logs.v1.{subject_token(project)}.{subject_token(run_id)}.{task}"


class LogStream:
    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def read(self, subject: str, seq: int, most: int = BATCH) -> AsyncIterator[Stored]:
        """Messages from `seq` on until there are none at the moment, `most` at a time. Raises Unavailable."""
        while True:
            batch, left = await self._batch(subject, seq, most)
            for stored in batch:
                yield stored
            if not batch or not left:
                return
            seq = batch[-1].seq + 1

    async def _batch(self, subject: str, seq: int, most: int) -> tuple[list[Stored], int]:
        """(messages, how many of that subject come after them)."""
        inbox, found = self._bus.nc.new_inbox(), list[Stored]()
        subscription = await self._bus.nc.subscribe(inbox)
        request = {"seq": seq, "next_by_subj": subject, "batch": most, "max_bytes": BATCH_BYTES}
        try:
            payload = msgspec.json.encode(request)
            await self._bus.nc.publish(f"$JS.API.DIRECT.GET.{STREAM}", payload, reply=inbox)
            while True:
                msg = await subscription.next_msg(timeout=PATIENCE)
                headers = msg.headers or {}
                status = headers.get("Status", "")
                if status:
                    return self._ended(status, msg, found)
                found.append(Stored(int(headers["Nats-Sequence"]), headers["Nats-Subject"], msg.data))
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise Unavailable(f"the log stream does not answer: {error or type(error).__name__}") from error
        finally:
            with contextlib.suppress(nats.errors.Error):
                await subscription.unsubscribe()

    def _ended(self, status: str, msg: Msg, found: list[Stored]) -> tuple[list[Stored], int]:
        headers = msg.headers or {}
        if status == "404":
            return [], 0
        if status == "204":
            return found, int(headers.get("Nats-Num-Pending", 0))
        raise Unavailable(f"the log stream answers {status} {headers.get('Description', '')}".strip())
