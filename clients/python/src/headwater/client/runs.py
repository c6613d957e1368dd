"""Flow and Run as the client sees them: what ran, how it went, what it left behind.

Reads only, but for cancel(). A final run is fetched once; one that is not is asked for anew at every look.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headwater.client import resources
from headwater.client.http import API, connect, segment
from headwater.client.pathspec import split_run
from headwater.client.tasks import Step, Task
from headwater.client.values import TaskData
from headwater.errors import DeadlineExceeded, HeadwaterError, NotFound

if TYPE_CHECKING:
    from headwater.runtime.failures import CaughtFailure


def flows() -> list["Flow"]:
    """Every flow that has run in this project."""
    return [Flow(body["flow"], _checked=True) for body in resources.list_flows()]


class Flow:
    """A flow by its name; `flow[run_id]`, iterate over its runs, newest first. Raises NotFound when it never ran.

    >>> Flow("TrainFlow").latest_successful_run.data.accuracy
    0.97
    """

    def __init__(self, name: str, _checked: bool = False) -> None:
        self.id = name
        if not _checked and self.latest_run is None:
            raise NotFound(f"no flow {name!r} has run in project {connect().project!r}", field="flow")

    @property
    def pathspec(self) -> str:
        return self.id

    @property
    def latest_run(self) -> "Run | None":
        return self._first()

    @property
    def latest_successful_run(self) -> "Run | None":
        return self._first(state="RUN_STATE_SUCCEEDED")

    def runs(self, *tags: str) -> Iterator["Run"]:
        """Its runs that have all of these tags, newest first."""
        for body in resources.list_runs(flow=self.id, tag=tags[0] if tags else ""):
            if set(tags) <= set(body.get("tags", ())):
                yield Run(f"{self.id}/{body['runId']}", _body=body)

    def __iter__(self) -> Iterator["Run"]:
        return self.runs()

    def __getitem__(self, run_id: object) -> "Run":
        try:
            return Run(f"{self.id}/{run_id}")
        except NotFound:
            raise KeyError(f"flow {self.id} has no run {run_id!r}") from None

    def __contains__(self, run_id: object) -> bool:
        try:
            return bool(self[run_id])
        except KeyError:
            return False

    def __repr__(self) -> str:
        return f"Flow({self.id!r})"

    def _first(self, state: str = "") -> "Run | None":
        for body in resources.list_runs(flow=self.id, state=state, limit=1):
            return Run(f"{self.id}/{body['runId']}", _body=body)
        return None


class Run:
    """One run: `Run("flow/run_id")`, `Run("run_id")` or `Run("latest")`; a unique end of the id will do.

    Iterate over its steps, `run["train"]` is a Step, `run.data.x` an artifact of its last step.
    """

    def __init__(self, pathspec: str, *, _body: "dict[str, Any] | None" = None) -> None:
        flow, run_id = split_run(pathspec)
        self._body = _body if _body is not None else resources.get_run(run_id)
        if flow and self._body.get("flow") != flow:
            raise NotFound(f"run {run_id} is of flow {self._body.get('flow')!r}, not of {flow!r}", field="pathspec")

    @property
    def id(self) -> str:
        return self._body["runId"]

    @property
    def flow(self) -> str:
        return self._body.get("flow", "")

    @property
    def pathspec(self) -> str:
        return f"{self.flow}/{self.id}"

    @property
    def path_components(self) -> list[str]:
        return [self.flow, self.id]

    @property
    def parent(self) -> Flow:
        return Flow(self.flow, _checked=True)

    @property
    def state(self) -> str:
        """running, succeeded, failed or cancelled."""
        return self._now().get("state", "").removeprefix("RUN_STATE_").lower()

    @property
    def finished(self) -> bool:
        """Is it over? True for failed and cancelled runs too."""
        return self._now().get("state") in resources.FINAL_RUN

    @property
    def successful(self) -> bool:
        return self._now().get("state") == "RUN_STATE_SUCCEEDED"

    @property
    def created_at(self) -> datetime | None:
        return resources.timestamp(self._body.get("createdAt"))

    @property
    def finished_at(self) -> datetime | None:
        return resources.timestamp(self._now().get("finishedAt"))

    @property
    def tags(self) -> frozenset[str]:
        return self.user_tags | self.system_tags

    @property
    def user_tags(self) -> frozenset[str]:
        return frozenset(self._body.get("tags", ()))

    @property
    def system_tags(self) -> frozenset[str]:
        """Tags that the platform gives: user, and what started the run."""
        user = self._body.get("createdBy", {}).get("name", "")
        trigger = self._body.get("trigger", {}).get("eventName", "")
        return frozenset(f"{kind}:{name}" for kind, name in (("user", user), ("trigger", trigger)) if name)

    @property
    def parameters(self) -> dict[str, Any]:
        return resources.plain_number(self._body.get("parameters", {}))

    @property
    def graph(self) -> list[dict[str, Any]]:
        """The steps as the scheduler knows them (headwater.api.scheduler.v1.Step in JSON)."""
        if "graph" not in self._body:
            self._body = resources.get_run(self.id)
        return self._body.get("graph", {}).get("steps", [])

    @property
    def code(self) -> dict[str, Any] | None:
        """{"package": sha256 of the code package, "entrypoint", "flowClass"}."""
        return self._body.get("code")

    @property
    def trigger(self) -> dict[str, Any] | None:
        """The event that started it ({"eventId", "eventName", "eventSubject", "payloadJson", …}), else None."""
        return self._body.get("trigger")

    @property
    def failure(self) -> "CaughtFailure | None":
        failure = self._now().get("failure")
        if not failure:
            return None
        from headwater.runtime.failures import CaughtFailure

        return CaughtFailure.from_failure(failure)

    @property
    def origin_pathspec(self) -> str | None:
        """The run that this one resumed, else None."""
        origin = self._body.get("originRunId")
        return f"{self.flow}/{origin}" if origin else None

    @property
    def end_task(self) -> Task | None:
        """The task of the last step, once it has one."""
        end = self._now().get("graph", {}).get("end") or next(
            (step["name"] for step in reversed(self.graph) if not step.get("next")), "end"
        )
        return self[end].task if end in self else None

    @property
    def data(self) -> TaskData | None:
        """Artifacts of the last step; None while it has not run."""
        task = self.end_task
        return task.data if task is not None else None

    def is_in_namespace(self) -> bool:
        return True

    def steps(self, *tags: str) -> Iterator[Step]:
        """The steps that have tasks, in the order of the graph; all in one request."""
        if not set(tags) <= self.tags:
            return
        tasks: dict[str, list[dict[str, Any]]] = {}
        for body in resources.list_tasks(self.id, results=True):
            tasks.setdefault(body["key"]["step"], []).append(body)
        for step in self.graph:
            if step["name"] in tasks:
                yield Step(f"{self.pathspec}/{step['name']}", self, tasks[step["name"]])

    def cancel(self, reason: str = "") -> None:
        """Stops the run; its tasks are killed. Harmless when it is over."""
        self._body |= connect().call(
            "POST", f"{API}/runs/{segment(self.id)}/cancel", {"reason": reason}, repeatable=True
        )["run"]

    def wait(self, timeout: float | None = None) -> "Run":
        """Follows the run until it is over and returns it. Raises DeadlineExceeded after `timeout` seconds."""
        import time

        until = time.monotonic() + timeout if timeout is not None else None
        try:
            for event, _, data in connect().stream(f"{API}/runs/{segment(self.id)}/stream", until=until):
                if event in ("end", "snapshot"):
                    self._body |= data
                if self._body.get("state") in resources.FINAL_RUN:
                    return self
        except DeadlineExceeded:
            raise DeadlineExceeded(f"run {self.pathspec} is not over after {timeout:g} seconds") from None
        raise HeadwaterError(f"the server stopped reporting on run {self.pathspec}")

    def __iter__(self) -> Iterator[Step]:
        return self.steps()

    def __getitem__(self, step: str) -> Step:
        try:
            return Step(f"{self.pathspec}/{step}", self)
        except NotFound as error:
            raise KeyError(error.message) from None

    def __contains__(self, step: object) -> bool:
        return isinstance(step, str) and bool(resources.list_tasks(self.id, step=step))

    def __repr__(self) -> str:
        return f"Run({self.pathspec!r})"

    def _now(self) -> dict[str, Any]:
        if self._body.get("state") not in resources.FINAL_RUN:
            self._body = resources.get_run(self.id)
        return self._body
