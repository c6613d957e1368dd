"""Takes a spool to its server: batches by the hundred thousand points, requests and files in between, all in order.

What may arrive later is tried again; what the server refuses for good is told and left behind. Knows no threads.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from headwater.errors import (
    Aborted,
    DeadlineExceeded,
    HeadwaterError,
    Internal,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    ServerError,
    Unauthenticated,
    Unavailable,
    of_code,
)
from headwater.tracking import columns
from headwater.tracking.spool import BATCH, UPLOAD, Position, Record, Spool

if TYPE_CHECKING:
    from headwater.client.http import Connection

# The same request may succeed later; a token may be renewed.
PASSING = (Unavailable, DeadlineExceeded, Aborted, ResourceExhausted, Internal, Unauthenticated, PermissionDenied)
# One request holds so many bytes of batches, about 28 a point.
_BYTES = 1 << 20
_TIMEOUT = 30.0
BATCHES = "/api/v1/tracking/batches"
PROTOBUF = "application/x-protobuf"
# A server that fails at the same thing for so long (times) will not take it.
_INTERNAL_TRIES = 20


class Sender:
    """refuse(error, run_id): the server will not take something, ever."""

    def __init__(self, spool: Spool, refuse: Callable[[HeadwaterError, str], None]) -> None:
        self.spool, self._refuse = spool, refuse
        self._failures = 0

    def send(self, connection: "Connection") -> int:
        """Sends a part of what waits: how many records. Raises what will pass (see PASSING)."""
        batches: list[Record] = []
        position: Position | None = None
        size = 0
        for record, after in self.spool.records(self.spool.read_at):
            if record.kind != BATCH:
                if not batches:
                    self._persist(lambda record=record: self._single(connection, record))
                    self.spool.acknowledge(after)
                    return 1
                break
            batches.append(record)
            position, size = after, size + len(record.payload)
            if size >= _BYTES:
                break
        if position is not None:
            self._persist(lambda: self._batches(connection, batches))
            self.spool.acknowledge(position)
        return len(batches)

    def end_dead(self, connection: "Connection") -> None:
        """Ends the runs of a process that was killed: nobody else does. Not those that go on elsewhere."""
        at = self.spool.last_write() or time.time()
        for run_id in self.spool.open_runs():
            path = f"/api/v1/tracking/runs/{run_id}"
            try:
                if connection.send("GET", path)["run"].get("state") == "TRACKED_RUN_STATE_RUNNING":
                    body = {"state": "TRACKED_RUN_STATE_KILLED", "finishedAt": rfc3339(at)}
                    connection.send("PATCH", path, body)
            except NotFound:
                pass
            self.spool.end(run_id)

    def _persist(self, work: Callable[[], None]) -> None:
        """Internal errors pass only for a while."""
        try:
            work()
        except Internal as error:
            self._failures += 1
            if self._failures < _INTERNAL_TRIES:
                raise
            self._refuse(error, "")
        self._failures = 0

    def _batches(self, connection: "Connection", records: list[Record]) -> None:
        body = columns.request(self.spool.writer, [record.payload for record in records])
        try:
            answer = connection.send("POST", BATCHES, body, media=PROTOBUF, timeout=_TIMEOUT)
        except PASSING:
            raise
        except ServerError as error:
            if len(records) == 1:
                self._refuse(error, "")
                return
            for record in records:  # one of them is at fault
                self._batches(connection, [record])
            return
        for each in answer.get("refused", ()):
            self._refuse(of_code(each.get("code", ""), each.get("message", "")), each.get("runId", ""))

    def _single(self, connection: "Connection", record: Record) -> None:
        told = record.json
        try:
            if record.kind == UPLOAD:
                self._upload(connection, told)
            else:
                connection.send(told["method"], told["path"], told["body"], timeout=_TIMEOUT)
        except PASSING:
            raise
        except ServerError as error:
            self._refuse(error, told.get("run", ""))
        if record.kind == UPLOAD:
            (self.spool.folder / "files" / told["file"]).unlink(missing_ok=True)

    def _upload(self, connection: "Connection", told: dict[str, Any]) -> None:
        source = self.spool.folder / "files" / told["file"]
        try:
            file = source.open("rb")
        except FileNotFoundError:  # it has arrived before
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            connection.put_file(artifact_path(told["run"], told["path"]), file, size)


def artifact_path(run_id: str, path: str = "") -> str:
    """Where the gateway has a file of a run: the one tree that MLflow's clients write to as well."""
    run = run_id.replace("-", "")
    return f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{quote(path)}"


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
