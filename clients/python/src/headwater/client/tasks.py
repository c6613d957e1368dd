"""Task, as the client sees it. It asks the server again only while it is not final."""

import base64
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from headwater.client import resources
from headwater.client.graph import depths, node_of, parents_of
from headwater.client.member import Member
from headwater.client.pathspec import split
from headwater.client.values import DataArtifact, TaskArtifacts, TaskData, Values
from headwater.errors import NotFound

if TYPE_CHECKING:
    from headwater.client.code import MetaflowCode
    from headwater.client.runs import Run
    from headwater.client.steps import Step
    from headwater.runtime.failures import CaughtFailure


class Metadata(NamedTuple):
    """A fact about a task."""

    name: str
    value: str
    created_at: datetime | None
    type: str
    task: "Task"


class Task(Member):
    """One task: `Task("flow/run/step/task")`. Its last attempt counts, or the one that is asked for.

    Attempts are counted from 0, as @retry makes them. Of earlier ones there is what they wrote, and no artifacts.

    data: artifacts as attributes (`task.data.model`); artifacts: the same as DataArtifact objects.
    """

    def __init__(
        self,
        pathspec: str,
        attempt: int | None = None,
        *,
        _run: "Run | None" = None,
        _body: "dict[str, Any] | None" = None,
        _namespace_check: bool = True,
    ) -> None:
        from headwater.client.runs import Run

        flow, run_id, self._step, self.id = split(pathspec, 4)
        self._run = _run if _run is not None else Run(f"{flow}/{run_id}", _namespace_check=_namespace_check)
        self._body = _body if _body is not None else resources.get_task(self._run.id, self._step, self.id)
        self._kept: Values | None = None
        self._attempt = _checked_attempt(attempt, self.retry_count, self.pathspec)

    @property
    def pathspec(self) -> str:
        return f"{self._run.pathspec}/{self._step}/{self.id}"

    def log_chunks(self, stream: str = "") -> Iterator[dict[str, Any]]:
        """What this attempt wrote (executor.v1.LogChunk in JSON); of a task that was taken over, what it wrote in the
        run that it comes from."""
        body = self._now()
        if origin := body.get("originRunId"):
            return resources.list_logs(origin, step=self._step, task_id=self.id, stream=stream)
        dispatch = self.dispatch_of(self._attempt)
        return resources.list_logs(self._run.id, step=self._step, task_id=self.id, stream=stream, attempt=dispatch)

    def attempt(self, attempt: int | None) -> "Task":
        """The same task at another attempt, from 0; None: the last. Raises NotFound."""
        return Task(self.pathspec, attempt, _run=self._run, _body=self._body)

    def dispatch_of(self, attempt: int | None) -> int:
        """Which dispatch an attempt was; None: the last. Raises NotFound."""
        attempt = _checked_attempt(attempt, self.retry_count, self.pathspec)
        return self.dispatch if attempt in (None, self.retry_count) else attempt + 1

    @property
    def user_tags(self) -> frozenset[str]:
        return self._run.user_tags

    @property
    def system_tags(self) -> frozenset[str]:
        return self._run.system_tags

    @property
    def parent(self) -> "Step":
        return self._run[self._step]

    @property
    def body(self) -> dict[str, Any]:
        """scheduler.v1.Task in JSON, with the manifest of its artifacts."""
        return self._now()

    @property
    def state(self) -> str:
        """waiting, ready, dispatched, succeeded, failed, cancelled or skipped."""
        return self._now().get("state", "").removeprefix("TASK_STATE_").lower()

    @property
    def finished(self) -> bool:
        """Is it over, well or not?"""
        return self._past or self._now().get("state") in resources.FINAL_TASK

    @property
    def successful(self) -> bool:
        return not self._past and self._now().get("state") == "TASK_STATE_SUCCEEDED"

    @property
    def created_at(self) -> datetime | None:
        return resources.timestamp(self._body.get("createdAt"))

    @property
    def started_at(self) -> datetime | None:
        return resources.timestamp(self._now().get("startedAt"))

    @property
    def finished_at(self) -> datetime | None:
        return resources.timestamp(self._now().get("finishedAt"))

    @property
    def current_attempt(self) -> int:
        """Which attempt this is, from 0: it grows with every @retry."""
        return self.retry_count if self._attempt is None else self._attempt

    @property
    def dispatch(self) -> int:
        """How often it was handed to a worker: also after one was lost. 0 for a task that was taken over."""
        return int(self._body.get("attempt", 0))

    @property
    def retry_count(self) -> int:
        """How often @retry has started it again."""
        return int(self._body.get("retryCount", 0))

    @property
    def index(self) -> int | None:
        """Position in the innermost foreach; None outside of one."""
        if not self._in_foreach:
            return None
        return int(_indexes(self.id)[-1])

    @property
    def exception(self) -> "CaughtFailure | None":
        """Why it failed (code, type, message, traceback), or None. Of an earlier attempt it is not kept."""
        failure = None if self._past else self._now().get("failure")
        if not failure:
            return None
        from headwater.runtime.failures import CaughtFailure

        return CaughtFailure.from_failure(failure)

    @property
    def data(self) -> TaskData:
        return TaskData(self._values, self.pathspec)

    @property
    def artifacts(self) -> TaskArtifacts:
        return TaskArtifacts(self, self._values)

    @property
    def stdout(self) -> str:
        return self._log("stdout")

    @property
    def stderr(self) -> str:
        return self._log("stderr")

    @property
    def stdout_size(self) -> int:
        """Bytes in UTF-8."""
        return len(self.stdout.encode())

    @property
    def stderr_size(self) -> int:
        return len(self.stderr.encode())

    def loglines(
        self, stream: str = "stdout", as_unicode: bool = True, meta_dict: dict[str, Any] | None = None
    ) -> Iterator[tuple[datetime | None, Any]]:
        """(time, line) of each line of "stdout" or "stderr", of this attempt."""
        for time, text, _ in resources.log_lines(self.log_chunks(stream), stream):
            yield time, text if as_unicode else text.encode()

    @property
    def code(self) -> "MetaflowCode | None":
        return self._run.code

    @property
    def environment_info(self) -> dict[str, Any]:
        """Where its code came from, who ran it, which worker did, and, where its step has packages of its own, the
        `environment`: type, python, lock and packages."""
        found = {**self._run.environment_info, "runtime": self.runtime_name}
        if environment := node_of(self._run.graph, self._step).get("environment"):
            from headwater.environments.read import info

            found["environment"] = info(environment)
        return found

    @property
    def runtime_name(self) -> str:
        """The worker that ran it."""
        return self._now().get("worker", "")

    @property
    def origin_pathspec(self) -> str | None:
        """The task that was taken over instead of running this one (resume), else None."""
        origin = self._body.get("originRunId")
        return f"{self._run.flow}/{origin}/{self._step}/{self.id}" if origin else None

    @property
    def metadata_dict(self) -> dict[str, str]:
        """Facts about the attempt, all text."""
        return {each.name: each.value for each in self.metadata}

    @property
    def metadata(self) -> list[Metadata]:
        """Facts about the attempt, under the names that Metaflow gives them."""
        body = self._now()
        origin, code = body.get("originRunId"), self.code
        found = {
            "attempt": self.current_attempt,
            "attempt_ok": self.successful if self.finished else None,
            "dispatch": body.get("attempt"),
            "origin-run-id": origin,
            "origin-task-id": self.id if origin else None,
            "code-package": code.path if code else None,
            "runtime": self.runtime_name,
            "pool": body.get("pool"),
            "state": self.state,
        }
        at = self.finished_at or self.created_at
        return [Metadata(n, str(v), at, n, self) for n, v in found.items() if v not in (None, "")]

    @property
    def parent_tasks(self) -> "Iterator[Task]":
        """The tasks whose results this one got."""
        return self._related(parents_of(self._run.graph, self._step))

    @property
    def child_tasks(self) -> "Iterator[Task]":
        """The tasks that got the result of this one."""
        return self._related(node_of(self._run.graph, self._step).get("next", ()))

    @property
    def parent_task_pathspecs(self) -> Iterator[str]:
        return (task.pathspec for task in self.parent_tasks)

    @property
    def child_task_pathspecs(self) -> Iterator[str]:
        return (task.pathspec for task in self.child_tasks)

    def __iter__(self) -> Iterator[DataArtifact]:
        return iter(self.artifacts)

    def __getitem__(self, name: str) -> DataArtifact:
        if name not in self._values:
            raise KeyError(f"task {self.pathspec} has no artifact {name!r}")
        return DataArtifact(f"{self.pathspec}/{name}", _task=self)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored_task, (self.pathspec, self._attempt)

    @property
    def _past(self) -> bool:
        """Is this an attempt that another one followed?"""
        return self._attempt is not None and self._attempt < self.retry_count

    @property
    def _values(self) -> Values:
        if self._past:
            return Values(self.pathspec, b"", {})
        body = self._now()
        if self._kept is None:
            manifest = base64.b64decode(body.get("result", ""))
            values = Values(self.pathspec, manifest, self._run.parameters)
            if body.get("state") not in resources.FINAL_TASK:
                return values
            self._kept = values
        return self._kept

    def _now(self) -> dict[str, Any]:
        if self._body.get("state") not in resources.FINAL_TASK:
            self._body = resources.get_task(self._run.id, self._step, self.id)
        return self._body

    @property
    def _in_foreach(self) -> bool:
        return bool(depths(self._run.graph).get(self._step))

    def _log(self, stream: str) -> str:
        return "".join(f"{text}\n" for _, text, _ in resources.log_lines(self.log_chunks(stream), stream))

    def _related(self, steps: Any) -> "Iterator[Task]":
        depth = depths(self._run.graph)
        mine = _indexes(self.id) if depth[self._step] else []
        for name in steps:
            common = mine[: min(depth[self._step], depth[name])]
            for task in self._run[name]:
                theirs = _indexes(task.id) if depth[name] else []
                if theirs[: len(common)] == common:
                    yield task


def _checked_attempt(attempt: int | None, last: int, pathspec: str) -> int | None:
    if attempt is None:
        return None
    if not 0 <= int(attempt) <= last:
        text = f"task {pathspec} has no attempt {attempt}; its last one is {last}"
        raise NotFound(text, field="attempt", hint="attempts are counted from 0")
    return int(attempt)


def _indexes(task_id: str) -> list[str]:
    """Indexes of the foreach steps; what follows "~" are rounds of a loop."""
    return task_id.partition("~")[0].split(".")


def _restored_task(pathspec: str, attempt: int | None) -> Task:
    return Task(pathspec, attempt, _namespace_check=False)
