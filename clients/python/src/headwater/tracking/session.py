"""start_run(): a tracked run for code that is no flow, with a thread that sends what was logged in batches.

Never blocks the caller on the network; flush() and the end of the run wait. A batch has an id, so a repeat is harmless.
"""

import atexit
import sys
import threading
import uuid
from types import TracebackType
from typing import TYPE_CHECKING, Any

from headwater.errors import FailedPrecondition, HeadwaterError, Unavailable
from headwater.tracking.log import texts
from headwater.tracking.target import Steps

if TYPE_CHECKING:
    from headwater.client.http import Connection

_INTERVAL = 0.5
_BATCH = 1000
# More waiting points than this: the caller waits, rather than memory filling up.
_MOST = 200_000

_active: "ActiveRun | None" = None


class ActiveRun(Steps):
    """A tracked run outside of a flow, also a context manager: an exception ends it as failed.

    run_id: its id; experiment, name: as given.
    """

    def __init__(self, connection: "Connection", body: dict[str, Any]) -> None:
        super().__init__()
        self.run_id: str = body["runId"]
        self.experiment: str = body.get("experiment", "")
        self.name: str = body.get("name", "")
        self._connection = connection
        self._points: list[dict[str, Any]] = []
        self._params: dict[str, str] = {}
        self._tags: dict[str, str] = {}
        self._batch: dict[str, Any] | None = None
        self._failed: HeadwaterError | None = None
        self._closed = False
        self._sending = threading.Lock()
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="headwater-metrics", daemon=True)
        self._thread.start()

    def send(self, metrics: list[dict[str, Any]], params: dict[str, str], tags: dict[str, str]) -> None:
        with self._changed:
            if self._closed:
                raise FailedPrecondition(f"run {self.run_id} has ended", hint="begin another with start_run()")
            self._points += metrics
            self._params |= params
            self._tags |= tags
            waiting = len(self._points)
            if waiting >= _BATCH:
                self._changed.notify_all()
        if waiting >= _MOST:
            self.flush()

    def flush(self) -> None:
        """Sends what is waiting; afterwards searches see it. Raises the server's error."""
        self._drain()
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed

    def end(self, state: str = "FINISHED") -> None:
        """Ends the run: "FINISHED", "FAILED" or "KILLED". Raises what kept logged values from being stored."""
        global _active
        with self._changed:
            if self._closed:
                return
            self._closed = True
            self._changed.notify_all()
        if _active is self:
            _active = None
        self._thread.join()
        try:
            self.flush()
        finally:
            body = {"state": f"TRACKED_RUN_STATE_{state}"}
            self._connection.call("PATCH", f"/api/v1/tracking/runs/{self.run_id}", body)

    def __enter__(self) -> "ActiveRun":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.end()
            return
        try:
            self.end("KILLED" if isinstance(error, KeyboardInterrupt) else "FAILED")
        except HeadwaterError as problem:  # the caller's own error matters more
            error.add_note(f"Beside that, not everything logged was stored: {problem}")

    def _work(self) -> None:
        while not self._closed:
            with self._changed:
                self._changed.wait(_INTERVAL)
            self._drain()

    def _drain(self) -> None:
        with self._sending:
            while self._batch or self._take():
                try:
                    self._connection.call("POST", f"/api/v1/tracking/runs/{self.run_id}/batch", self._batch)
                    self._batch = None
                except Unavailable as error:  # kept, and sent again under its own id
                    self._failed = error
                    return
                except HeadwaterError as error:
                    self._batch, self._failed = None, error

    def _take(self) -> bool:
        with self._changed:
            points, self._points = self._points[:_BATCH], self._points[_BATCH:]
            params, self._params = self._params, {}
            tags, self._tags = self._tags, {}
        if points or params or tags:
            self._batch = {"batchId": uuid.uuid4().hex, "metrics": points, "params": params, "tags": tags}
        return self._batch is not None


def active_run() -> ActiveRun | None:
    """The run that start_run() began in this process, if it has not ended."""
    return _active


def start_run(
    experiment: str = "Default",
    name: str = "",
    *,
    tags: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None,
    run_id: str = "",
) -> ActiveRun:
    """Begins a tracked run for code that is not a flow; log_metric and others go to it until it ends.

    run_id: continue this run instead of beginning one. Raises FailedPrecondition while another is active.

        with start_run(experiment="spam", params={"c": 0.1}) as run:
            log_metric("accuracy", 0.93)
    """
    global _active
    if _active is not None:
        raise FailedPrecondition(f"run {_active.run_id} is active", hint="end it first: headwater.tracking.end_run()")
    from headwater.client.http import connect

    given, conn = texts("param", params or {}), connect()
    if run_id:
        body = conn.call("GET", f"/api/v1/tracking/runs/{run_id}")["run"]
    else:
        request = {"experiment": experiment, "name": name, "tags": texts("tag", tags or {}), "runId": str(uuid.uuid4())}
        body = conn.call("POST", f"/api/v1/projects/{conn.project}/tracking/runs", request, repeatable=True)["run"]
    _active = ActiveRun(conn, body)
    if given:
        _active.send([], given, {})
    return _active


def end_run(state: str = "FINISHED") -> None:
    """Ends the active run, if there is one."""
    if _active is not None:
        _active.end(state)


def flush() -> None:
    """Waits until everything logged so far outside of a flow is stored."""
    if _active is not None:
        _active.flush()


@atexit.register
def _at_exit() -> None:
    if _active is not None:
        _active.end("FAILED" if getattr(sys, "last_type", None) else "FINISHED")
