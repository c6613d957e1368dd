"""start_run(): tracked runs of code that is no flow, nested ones, and the step's own run by its id.

A run has an id as soon as it begins, also when no server answers: then it is told of later. session.py sends.
"""

import os
import sys
import threading
import time
import uuid
from types import TracebackType
from typing import TYPE_CHECKING, Any

from headwater.errors import (
    DeadlineExceeded,
    FailedPrecondition,
    HeadwaterError,
    InvalidArgument,
    Unavailable,
)
from headwater.tracking.log import texts
from headwater.tracking.sender import rfc3339
from headwater.tracking.session import FLUSH, Session, at_close, session
from headwater.tracking.target import Steps, step_run_id

if TYPE_CHECKING:
    from headwater.tracking.system import SystemMetrics

_STATES = {"FINISHED", "FAILED", "KILLED"}
_NOTE = "mlflow.note.content"
# A server that does not answer so soon (seconds) is told later.
_TIMEOUT = 5.0
_set_experiment = ""


class ActiveRun(Steps):
    """A tracked run outside of a flow, also a context manager: an exception ends it as failed.

    run_id: its id; experiment, name: as given, or as the server chose them ("" while no server has answered).
    """

    def __init__(self, run_id: str, body: dict[str, Any], *, created: bool = False, owned: bool = True) -> None:
        super().__init__()
        self.run_id = run_id
        self.experiment: str = body.get("experiment", "")
        self.name: str = body.get("name", "")
        self.parent_run_id: str = body.get("parentRunId", "")
        self.session: Session = session()
        self._put = self.session.put
        self.created, self._owned, self._pid = created, owned, os.getpid()
        self._closed = False
        self._system: SystemMetrics | None = None

    @property
    def info(self) -> "ActiveRun":
        """As in mlflow.active_run().info.run_id."""
        return self

    @property
    def run_name(self) -> str:
        return self.name

    def point(self, key: str, value: float, step: int | None, timestamp: int) -> None:
        if self._closed:
            raise self._over()
        self._put((self.run_id, key, value, self.step_of(key, step), timestamp))

    def texts(self, params: dict[str, str], tags: dict[str, str]) -> None:
        if self._closed:
            raise self._over()
        self._put((self.run_id, params, tags))

    def flush(self, timeout: float = FLUSH) -> None:
        """Waits until what was logged is stored; afterwards searches see it. Raises what the server refused, and
        Unavailable where it did not answer within `timeout` seconds: then it is on disk and is sent later."""
        arrived = self.session.flush(timeout)
        self.session.raise_refused(self.run_id.replace("-", ""))
        if not arrived:
            raise _unsent(self.session, timeout)

    def end(self, state: str = "FINISHED") -> None:
        """Ends the run: "FINISHED", "FAILED" or "KILLED". Raises what the server refused to store.

        Waits for the server unless it is away: then the end is sent with all the rest when it is back.
        """
        if state not in _STATES:
            raise InvalidArgument(f"state {state!r} is not one of {', '.join(sorted(_STATES))}", field="state")
        if self._closed:
            return
        if self._system is not None:
            self._system.stop()
        if self._pid != os.getpid():  # the run is the parent's to end
            self.session.flush(patient=False)
            return
        if dropped := self.session.dropped(self.run_id):
            self.texts({}, {"headwater.dropped_points": str(dropped)})
        self._closed = True
        _forget(self)
        if self._owned:
            body = {"state": f"TRACKED_RUN_STATE_{state}", "finishedAt": rfc3339(time.time())}
            self.session.request("PATCH", f"/api/v1/tracking/runs/{self.run_id}", body, self.run_id)
            self.session.end(self.run_id)
        self.session.flush(patient=False)
        self.session.raise_refused(self.run_id.replace("-", ""))

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

    def _over(self) -> FailedPrecondition:
        return FailedPrecondition(f"run {self.run_id} has ended", hint="begin another with start_run()")


class _Stack(threading.local):
    """A thread's runs, the innermost last."""

    def __init__(self) -> None:
        self.runs: list[ActiveRun] = []


_own = _Stack()
# Of all threads, in order of their start: a thread without a run of its own logs to the latest.
_all: list[ActiveRun] = []
_others: dict[str, ActiveRun] = {}


def active_run() -> ActiveRun | None:
    """The innermost run that start_run() began in this thread, else the latest of the process that has not ended."""
    runs = _own.runs or _all
    return runs[-1] if runs else None


def set_experiment(name: str) -> None:
    """The experiment of the runs that begin from now on in this process; made on first use.

    Before that it is HEADWATER_EXPERIMENT or MLFLOW_EXPERIMENT_NAME, else "Default".
    """
    global _set_experiment
    if not name.strip() or not name.isprintable() or len(name) > 500:
        raise InvalidArgument(f"experiment {name!r} must be 1 to 500 printable characters", field="name")
    _set_experiment = name


def start_run(
    experiment: str = "",
    name: str = "",
    *,
    run_id: str = "",
    run_name: str = "",
    nested: bool = False,
    parent_run_id: str = "",
    tags: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None,
    description: str = "",
    log_system_metrics: bool | None = None,
) -> ActiveRun:
    """Begins a tracked run; log_metric and others go to it until it ends.

    In a step without `nested` it is the step's own run, and its end is the step's. run_id: continue this run instead of
    beginning one. nested: below the active run, or below the step's. log_system_metrics: also what the machine does
    (default: HEADWATER_SYSTEM_METRICS or MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING). Where no server answers the run begins
    all the same and is sent later. Raises FailedPrecondition while another is active, NotFound for an unknown run_id.

        with start_run(experiment="spam", params={"c": 0.1}) as run:
            log_metric("accuracy", 0.93)
    """
    active = _own.runs[-1] if _own.runs else None
    if active is not None and not nested:
        raise FailedPrecondition(
            f"run {active.run_id} is active", hint="end it with headwater.end_run(), or say nested=True"
        )
    given, labels = texts("param", params or {}), texts("tag", tags or {})
    if description:
        labels |= texts("tag", {_NOTE: description})
    step_run = step_run_id()
    if step_run and not nested and run_id in ("", step_run):
        run = ActiveRun(step_run, {}, owned=False)
    elif run_id:
        run = _resume(run_id)
    else:
        if nested and not parent_run_id:
            parent_run_id = active.run_id if active is not None else step_run
        run = _begin(experiment, run_name or name, parent_run_id, labels)
        labels = {}
    _own.runs.append(run)
    _all.append(run)
    if given or labels:
        run.texts(given, labels)
    from headwater.tracking import system

    if system.wanted(log_system_metrics):
        run._system = system.SystemMetrics(run)
    return run


def _begin(experiment: str, name: str, parent: str, tags: dict[str, str]) -> ActiveRun:
    run_id, current = str(uuid.uuid4()), session()
    chosen = experiment or ("" if parent else _set_experiment or _experiment_of_environment())
    request = {
        "experiment": chosen,
        "name": name,
        "tags": tags,
        "runId": run_id,
        "parentRunId": parent,
        "startedAt": rfc3339(time.time()),
    }
    path = f"/api/v1/projects/{current.project}/tracking/runs"
    try:
        body = current.ask("POST", path, request, timeout=_TIMEOUT)["run"]
    except (Unavailable, DeadlineExceeded) as error:
        current.gone(error)
        body = {"experiment": chosen, "name": name, "parentRunId": parent}
        current.request("POST", path, request, run_id)
    run = ActiveRun(body.get("runId", run_id), body, created=True)
    current.begin(run.run_id)
    return run


def _resume(run_id: str) -> ActiveRun:
    current, path = session(), f"/api/v1/tracking/runs/{run_id}"
    try:
        body = current.ask("GET", path, None, timeout=_TIMEOUT)["run"]
        if body.get("state") != "TRACKED_RUN_STATE_RUNNING":
            current.request("PATCH", path, {"state": "TRACKED_RUN_STATE_RUNNING"}, run_id)
    except (Unavailable, DeadlineExceeded) as error:
        current.gone(error)
        body = {}
        current.request("PATCH", path, {"state": "TRACKED_RUN_STATE_RUNNING"}, run_id)
    return ActiveRun(body.get("runId", run_id), body)


def run_of(run_id: str) -> ActiveRun:
    """A run to log to without beginning or ending it."""
    if not isinstance(run_id, str) or not run_id.replace("-", "").isalnum() or len(run_id) > 36:
        raise InvalidArgument(f"run_id {run_id!r} is not the id of a run", field="run_id")
    for run in reversed(_all):
        if run.run_id.replace("-", "") == run_id.replace("-", ""):
            return run
    found = _others.get(run_id)
    if found is None or found.session is not session():
        found = _others[run_id] = ActiveRun(run_id, {}, owned=False)
    return found


def end_run(state: str = "FINISHED") -> None:
    """Ends the active run, if there is one."""
    run = active_run()
    if run is not None:
        run.end(state)


def flush(timeout: float = FLUSH) -> None:
    """Waits until everything that this process logged outside of a step is stored; see ActiveRun.flush."""
    run, current = active_run(), session()
    if run is not None:
        run.flush(timeout)
        return
    arrived = current.flush(timeout)
    for run_id in list(current.refused):
        current.raise_refused(run_id)
    if not arrived:
        raise _unsent(current, timeout)


def _unsent(current: Session, timeout: float) -> HeadwaterError:
    cause = f": {current.away.message}" if current.away is not None else ""
    return Unavailable(
        f"not everything logged has arrived within {timeout:g} seconds{cause}",
        hint="nothing to do: it is kept on disk and sent when the server is back",
    )


def _experiment_of_environment() -> str:
    return os.environ.get("HEADWATER_EXPERIMENT") or os.environ.get("MLFLOW_EXPERIMENT_NAME") or "Default"


def _forget(run: ActiveRun) -> None:
    for runs in (_own.runs, _all):
        if run in runs:
            runs.remove(run)


def _end_all() -> None:
    """At the end of the process."""
    state = "FAILED" if getattr(sys, "last_type", None) else "FINISHED"
    for run in list(reversed(_all)):
        run.end(state)


at_close(_end_all)
