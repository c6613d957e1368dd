"""Metaflow, Flow and Run as the client sees them: what ran, how it went, what it left behind.

Reads only, but for cancel() and tags. A final run is fetched once; one that is not is asked for anew at every look.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headwater.client import resources
from headwater.client.code import MetaflowCode
from headwater.client.http import API, connect, segment
from headwater.client.member import Member
from headwater.client.namespaces import check_namespace, get_namespace, mismatch, namespace_tags
from headwater.client.pathspec import split_run
from headwater.client.steps import Step
from headwater.client.tasks import Task
from headwater.client.values import TaskData
from headwater.errors import DeadlineExceeded, HeadwaterError, NotFound

if TYPE_CHECKING:
    from headwater.flow.current import Trigger
    from headwater.runtime.failures import CaughtFailure


def flows() -> list["Flow"]:
    """Every flow that has run in this project."""
    return [Flow(body["flow"], _namespace_check=False) for body in resources.list_flows()]


class Metaflow:
    """The flows that have runs in the namespace in use: `flows`, iterate, `Metaflow()["Train"]`."""

    @property
    def flows(self) -> list["Flow"]:
        return list(self)

    def __iter__(self) -> Iterator["Flow"]:
        found = resources.list_flows(namespace_tags())
        return (Flow(body["flow"], _namespace_check=False) for body in found)

    def __getitem__(self, name: str) -> "Flow":
        try:
            return Flow(name)
        except NotFound as error:
            raise KeyError(error.message) from None

    def __repr__(self) -> str:
        return "Metaflow()"


class Flow(Member):
    """A flow by its name; `flow[run_id]`, iterate over its runs, newest first. Raises NotFound when it never ran.

    Only runs in the namespace in use count, see namespace().

    >>> Flow("TrainFlow").latest_successful_run.data.accuracy
    0.97
    """

    def __init__(self, pathspec: str, *, _namespace_check: bool = True) -> None:
        self.id = str(pathspec).strip("/")
        if _namespace_check and self.latest_run is None:
            self._refuse()

    def _refuse(self) -> None:
        name = get_namespace()
        if name and any(True for _ in resources.list_runs(flow=self.id, limit=1)):
            raise mismatch(f"flow {self.id!r}", name)
        raise NotFound(f"no flow {self.id!r} has run in project {connect().project!r}", field="flow")

    @property
    def pathspec(self) -> str:
        return self.id

    @property
    def parent(self) -> None:
        return None

    @property
    def user_tags(self) -> frozenset[str]:
        """A flow has no tags; its runs have."""
        return frozenset()

    @property
    def system_tags(self) -> frozenset[str]:
        return frozenset()

    @property
    def created_at(self) -> datetime | None:
        """When its first run began."""
        runs = list(resources.list_runs(flow=self.id))
        return resources.timestamp(runs[-1].get("createdAt")) if runs else None

    def is_in_namespace(self) -> bool:
        return self.latest_run is not None

    @property
    def latest_run(self) -> "Run | None":
        return self._first()

    @property
    def latest_successful_run(self) -> "Run | None":
        return self._first(state="RUN_STATE_SUCCEEDED")

    def runs(self, *tags: str) -> Iterator["Run"]:
        """Its runs that have all of these tags, newest first."""
        for body in resources.list_runs(flow=self.id, tags=[*namespace_tags(), *tags]):
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

    def _first(self, state: str = "") -> "Run | None":
        for body in resources.list_runs(flow=self.id, state=state, tags=namespace_tags(), limit=1):
            return Run(f"{self.id}/{body['runId']}", _body=body)
        return None


class Run(Member):
    """One run: `Run("flow/run_id")` or `Run("run_id")`, also "latest" or the unique end of an id.

    Iterate over its steps, `run["train"]` is a Step, `run.data.x` an artifact of its last step.
    """

    def __init__(self, pathspec: str, *, _body: "dict[str, Any] | None" = None, _namespace_check: bool = True) -> None:
        flow, run_id = split_run(pathspec)
        self._body = _body if _body is not None else resources.get_run(run_id, flow)
        if flow and self._body.get("flow") != flow:
            raise NotFound(f"run {run_id} is of flow {self._body.get('flow')!r}, not of {flow!r}", field="pathspec")
        if _body is None and _namespace_check:
            check_namespace(f"run {self.pathspec}", self.tags)

    @property
    def id(self) -> str:
        return self._body["runId"]

    @property
    def body(self) -> dict[str, Any]:
        """scheduler.v1.Run in JSON."""
        return self._now()

    @property
    def flow(self) -> str:
        return self._body.get("flow", "")

    @property
    def pathspec(self) -> str:
        return f"{self.flow}/{self.id}"

    @property
    def parent(self) -> Flow:
        return Flow(self.flow, _namespace_check=False)

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
    def user_tags(self) -> frozenset[str]:
        return frozenset(self._body.get("tags", ()))

    @property
    def system_tags(self) -> frozenset[str]:
        return frozenset(self._body.get("systemTags", ()))

    def add_tag(self, tag: str | Iterable[str]) -> None:
        """Adds a tag, also when the run is over. A tag that it has already is fine."""
        self.replace_tags([], _listed(tag))

    def add_tags(self, tags: Iterable[str]) -> None:
        self.replace_tags([], tags)

    def remove_tag(self, tag: str | Iterable[str]) -> None:
        """Removes a tag; one that it has not is fine. Raises InvalidArgument for a tag of the system."""
        self.replace_tags(_listed(tag), [])

    def remove_tags(self, tags: Iterable[str]) -> None:
        self.replace_tags(tags, [])

    def replace_tag(self, tag_to_remove: str | Iterable[str], tag_to_add: str | Iterable[str]) -> None:
        self.replace_tags(_listed(tag_to_remove), _listed(tag_to_add))

    def replace_tags(self, tags_to_remove: Iterable[str], tags_to_add: Iterable[str]) -> None:
        """Removes tags, then adds others, in one step: nobody sees the run in between."""
        remove, add = _listed(tags_to_remove), _listed(tags_to_add)
        if remove or add:
            self._body |= resources.change_tags(self.id, remove=remove, add=add)

    @property
    def parameters(self) -> dict[str, Any]:
        return self._body.get("parameters", {})

    @property
    def graph(self) -> list[dict[str, Any]]:
        """The steps as the scheduler knows them (headwater.api.scheduler.v1.Step in JSON)."""
        if "graph" not in self._body:
            self._body = resources.get_run(self.id)
        return self._body.get("graph", {}).get("steps", [])

    @property
    def code(self) -> MetaflowCode | None:
        """Its code package."""
        code = self._body.get("code")
        return MetaflowCode(self.flow, code) if code else None

    @property
    def trigger(self) -> "Trigger | None":
        """What started it: `run.trigger.event.name`, `run.trigger.run`; None when nothing but a person did."""
        trigger = self._body.get("trigger")
        if not trigger:
            return None
        from headwater.flow.current import Trigger

        return Trigger(trigger)

    @property
    def environment_info(self) -> dict[str, Any]:
        """Where its code came from and who ran it."""
        return {**(self.code.info if self.code else {}), "username": self._body.get("createdBy", {}).get("name", "")}

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

    def steps(self, *tags: str) -> Iterator[Step]:
        """The steps that have tasks, in the order of the graph; all in one request."""
        if not set(tags) <= self.tags:
            return
        tasks: dict[str, list[dict[str, Any]]] = {}
        for body in resources.list_tasks(self.id, results=True):
            tasks.setdefault(body["key"]["step"], []).append(body)
        for step in self.graph:
            if step["name"] in tasks:
                yield Step(f"{self.pathspec}/{step['name']}", _run=self, _tasks=tasks[step["name"]])

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
            return Step(f"{self.pathspec}/{step}", _run=self)
        except NotFound as error:
            raise KeyError(error.message) from None

    def __contains__(self, step: object) -> bool:
        return any(node["name"] == step for node in self.graph) and bool(resources.list_tasks(self.id, step=str(step)))

    def _now(self) -> dict[str, Any]:
        if self._body.get("state") not in resources.FINAL_RUN:
            self._body = resources.get_run(self.id)
        return self._body


def _listed(tags: str | Iterable[str]) -> list[str]:
    return [tags] if isinstance(tags, str) else list(tags)
