"""Step of a run, as the client sees it: it fetches all of its tasks with their manifests in one request."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from headwater.client import resources
from headwater.client.graph import node_of, parents_of
from headwater.client.member import Member
from headwater.client.pathspec import split
from headwater.client.tasks import Task
from headwater.errors import NotFound

if TYPE_CHECKING:
    from headwater.client.runs import Run


class Step(Member):
    """The tasks of one step of a run: iterate, `step[task_id]`, `task_id in step`, `.task` (any one of them)."""

    def __init__(
        self,
        pathspec: str,
        *,
        _run: "Run | None" = None,
        _tasks: "list[dict[str, Any]] | None" = None,
        _namespace_check: bool = True,
    ) -> None:
        from headwater.client.runs import Run

        flow, run_id, self.id = split(pathspec, 3)
        self._run = _run if _run is not None else Run(f"{flow}/{run_id}", _namespace_check=_namespace_check)
        self._tasks = _tasks if _tasks is not None else self._fetch()
        if not self._tasks:
            known = ", ".join(step["name"] for step in self._run.graph)
            raise NotFound(
                f"run {self._run.pathspec} has no task of a step {self.id!r}; its steps are {known}", field="step"
            )

    @property
    def pathspec(self) -> str:
        return f"{self._run.pathspec}/{self.id}"

    @property
    def parent(self) -> "Run":
        return self._run

    @property
    def user_tags(self) -> frozenset[str]:
        return self._run.user_tags

    @property
    def system_tags(self) -> frozenset[str]:
        return self._run.system_tags

    @property
    def environment_info(self) -> dict[str, Any]:
        return self.task.environment_info

    def tasks(self, *tags: str) -> Iterator[Task]:
        """The tasks in order of their foreach indexes; tags: only when the run has all of them."""
        self._refresh()
        if set(tags) <= self._run.tags:
            yield from (self._task(body) for body in self._tasks)

    @property
    def task(self) -> Task:
        """The first of the tasks."""
        return self._task(self._tasks[0])

    @property
    def control_task(self) -> Task | None:
        """The first member of a gang; None when the tasks of the step are none."""
        return next(self.control_tasks(), None)

    def control_tasks(self, *tags: str) -> Iterator[Task]:
        """The first member of each gang: there are several inside of a foreach."""
        graph = self._run.graph
        if any(node_of(graph, name).get("gang") for name in parents_of(graph, self.id)):
            yield from (task for task in self.tasks(*tags) if task.index == 0)

    @property
    def finished_at(self) -> datetime | None:
        """When the last of its tasks finished; None while one has not."""
        self._refresh()
        times = [resources.timestamp(body.get("finishedAt")) for body in self._tasks]
        known = [time for time in times if time is not None]
        return max(known) if len(known) == len(times) else None

    @property
    def created_at(self) -> datetime | None:
        return min(filter(None, (resources.timestamp(body.get("createdAt")) for body in self._tasks)), default=None)

    @property
    def parent_steps(self) -> "Iterator[Step]":
        return (self._run[name] for name in parents_of(self._run.graph, self.id))

    @property
    def child_steps(self) -> "Iterator[Step]":
        return (self._run[name] for name in node_of(self._run.graph, self.id).get("next", ()))

    def __iter__(self) -> Iterator[Task]:
        return self.tasks()

    def __len__(self) -> int:
        self._refresh()
        return len(self._tasks)

    def __getitem__(self, task_id: object) -> Task:
        for body in self._tasks:
            if resources.task_id_of(body) == str(task_id):
                return self._task(body)
        raise KeyError(f"step {self.pathspec} has no task {task_id!r}")

    def __contains__(self, task_id: object) -> bool:
        return any(resources.task_id_of(body) == str(task_id) for body in self._tasks)

    def _task(self, body: dict[str, Any]) -> Task:
        return Task(f"{self.pathspec}/{resources.task_id_of(body)}", _run=self._run, _body=body)

    def _fetch(self) -> list[dict[str, Any]]:
        return resources.list_tasks(self._run.id, step=self.id, results=True)

    def _refresh(self) -> None:
        if any(body.get("state") not in resources.FINAL_TASK for body in self._tasks) or not self._run.finished:
            self._tasks = self._fetch() or self._tasks
