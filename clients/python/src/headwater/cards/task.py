"""The task that a card is about, as its type sees it: the one that runs in this process, or one of the client.

A card is rendered before its task is over, so values come from memory; what is not known here is asked of the client.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from headwater.cards.components import represent


class RunningTask:
    """Looks like headwater.client.Task for what a card needs: pathspec, id, data, artifacts, `task["x"].data`."""

    def __init__(self, task: Any, flow: Any, failure: dict[str, Any] | None, started_at: float) -> None:
        self._task = task
        self._flow = flow
        self.failure = failure
        self.pathspec: str = task.pathspec
        self.id: str = task.task_id
        self.started_at = datetime.fromtimestamp(started_at, UTC)
        self.finished = self.successful = False
        self.current_attempt = task.attempt

    @property
    def path_components(self) -> list[str]:
        return self.pathspec.split("/")

    @property
    def data(self) -> Any:
        return _Data(self)

    @property
    def artifacts(self) -> Any:
        return SimpleNamespace(**{name: self[name] for name in self.names()})

    def names(self) -> list[str]:
        own = (name for name in vars(self._flow) if not name.startswith("_"))
        return sorted({*own, *self._flow._parameters, *self._flow._store.names()})

    def value(self, name: str) -> Any:
        return getattr(self._flow, name)

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise KeyError(f"task {self.pathspec} has no artifact {name!r}")
        return SimpleNamespace(id=name, pathspec=f"{self.pathspec}/{name}", data=self.value(name))

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def __iter__(self) -> Iterator[Any]:
        return (self[name] for name in self.names())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        from headwater.client import Task

        return getattr(Task(self.pathspec), name)

    def about(self) -> dict[str, Any]:
        task = self._task
        return {
            "Run": task.key.run_id,
            "Step": task.key.step,
            "Task": self.id,
            "Attempt": task.attempt,
            "Retries used": task.retry_count or "",
            "Started": self.started_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
            "Rendered": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            "Started by": task.username,
            "Tags": ", ".join(task.tags),
            "Resumed from": task.origin_run_id,
        }

    def facts(self, state: str) -> dict[str, Any]:
        parameters = self._flow._parameters
        values = ((name, self.value(name)) for name in self.names() if name not in parameters)
        return {"state": state, "about": self.about(), "parameters": dict(parameters), "artifacts": values}


class _Data:
    def __init__(self, task: RunningTask) -> None:
        self._task = task

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._task:
            raise AttributeError(f"task {self._task.pathspec} has no artifact {name!r}")
        return self._task.value(name)

    def __contains__(self, name: object) -> bool:
        return name in self._task


def facts(task: Any) -> dict[str, Any]:
    """pathspec, step, state, failure, about, parameters, artifacts of a task of either kind."""
    _, run, step, ident = task.pathspec.split("/")
    common = {"pathspec": task.pathspec, "step": step}
    if isinstance(task, RunningTask):
        state = "failed" if task.failure else "succeeded" if task.successful else "running"
        said = f"{task.failure.get('code', '')}: {task.failure.get('message', '')}" if task.failure else ""
        return {**common, "failure": said, **task.facts(state)}
    parameters = dict(task.parent.parent.parameters)
    about = {"Run": run, "Step": step, "Task": ident, "Attempt": task.current_attempt, "Started": task.started_at,
             "Finished": task.finished_at, "Worker": task.runtime_name}  # fmt: skip
    error = task.exception
    return {
        **common,
        "state": {"dispatched": "running"}.get(task.state, task.state),
        "failure": str(error) if error is not None else "",
        "about": {name: str(value) if value is not None else "" for name, value in about.items()},
        "parameters": parameters,
        "artifacts": ((a.id, _loaded(a)) for a in task.artifacts if a.id not in parameters),
    }


def _loaded(artifact: Any) -> Any:
    """The value, or the reason why it cannot be read here."""
    try:
        return artifact.data
    except Exception as error:
        return _Unreadable(f"<{artifact.type}: {represent(str(error))}>")


class _Unreadable:
    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text
