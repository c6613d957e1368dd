"""`current`: what a step can ask about the task it runs in. Filled by the runtime; empty outside of a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

_EMPTY: dict[str, Any] = {
    "flow_name": None,
    "run_id": None,
    "step_name": None,
    "task_id": None,
    "pathspec": None,
    "retry_count": 0,
    "attempt": 0,
    "origin_run_id": None,
    "namespace": None,
    "username": None,
    "tags": frozenset(),
    "tempdir": None,
    "project": None,
    "is_running_flow": False,
}


# What another run of the same code answers otherwise.
_OF_THE_RUN = frozenset(
    (
        "run_id", "task_id", "pathspec", "origin_run_id", "namespace", "username", "tags", "trigger", "run", "task",
        "branch_name", "project_flow_name",
    )
)  # fmt: skip


class Parallel(NamedTuple):
    """Of a task in a gang: the address of the first member, how many there are, which one this is (from 0), and the
    task id of the first."""

    main_ip: str
    num_nodes: int
    node_index: int
    control_task_id: str | None


class TriggerEvent:
    """The event that started a run.

    Attributes: name ("model.promoted"), id, timestamp (aware datetime, UTC), subject, payload (dict), type ("event" or
    "run").
    """

    def __init__(self, source: dict[str, Any]) -> None:
        self.name: str = source.get("eventName", "")
        self.id: str = source.get("eventId", "")
        self.subject: str = source.get("eventSubject", "")
        self.type = "run" if self.name.startswith("run.") else "event"
        self._time: str = source.get("eventTime", "")
        self._payload: str = source.get("payloadJson", "")

    @property
    def timestamp(self) -> Any:
        from datetime import datetime

        return datetime.fromisoformat(self._time) if self._time else None

    @property
    def payload(self) -> dict[str, Any]:
        import json

        return json.loads(self._payload) if self._payload else {}

    def __repr__(self) -> str:
        return f"TriggerEvent(name={self.name!r}, id={self.id!r})"


class Trigger:
    """What started the run: `current.trigger.event.payload["version"]`, or of a finished flow `current.trigger.run`."""

    def __init__(self, source: dict[str, Any]) -> None:
        # The last one, where several were waited for.
        self.event = TriggerEvent(source)
        self.events: list[TriggerEvent] = [TriggerEvent(each) for each in source.get("events", ())] or [self.event]
        self.deployment: str = source.get("deployment", "")

    @property
    def run(self) -> Any:
        """The run whose end started this one, the latest of several; None when another event did."""
        return self.runs[-1] if any(each.type == "run" for each in self.events) else None

    @property
    def runs(self) -> list[Any]:
        from headwater.client import Run

        ended = [each.payload for each in self.events if each.type == "run"]
        return [Run(f"{each.get('flow', '')}/{each.get('runId', '')}") for each in ended]

    def __getitem__(self, name: str) -> Any:
        """An event by its name, or the run of a flow by the flow's."""
        for each in self.events:
            if each.name == name and each.type == "event":
                return each
        for each, run in zip([each for each in self.events if each.type == "run"], self.runs, strict=True):
            if name in (each.name, each.payload.get("flow")):
                return run if each.name != name else each
        raise KeyError(f"the run was started by {', '.join(each.name for each in self.events)}, not by {name!r}")

    def __contains__(self, name: object) -> bool:
        return any(name == each.name or name == each.payload.get("flow") for each in self.events)

    def __iter__(self) -> Iterator[TriggerEvent]:
        return iter(self.events)


class Current:
    """Where the code runs: flow_name, run_id, step_name, task_id, pathspec ("Flow/run/step/task"), retry_count (0 in
    the first attempt that counts), attempt, origin_run_id (of a resume), username, namespace, tags, tempdir, project,
    trigger, run, task, graph. None, or empty, outside of a task; `is_running_flow` tells. Flows with @project have
    project_name, branch_name, project_flow_name, is_user_branch and is_production.

        print(current.pathspec, current.retry_count)
    """

    def __init__(self) -> None:
        self._values = dict(_EMPTY)
        # Called when code asks which run it is in.
        self._on_ask: Callable[[], None] | None = None

    def _asked(self, name: str) -> None:
        if self._on_ask is not None and name in _OF_THE_RUN:
            self._on_ask()

    def _update(self, trigger: dict[str, Any] | None = None, **values: Any) -> None:
        from headwater.flow.choices import chosen

        self._values.update(values)
        source = trigger or chosen.trigger
        self._values["trigger"] = Trigger(source) if source else None
        if values.get("username"):
            self._values["namespace"] = chosen.namespace or f"user:{values['username']}"

    def _clear(self) -> None:
        self._values, self._on_ask = dict(_EMPTY), None

    def __getattr__(self, name: str) -> Any:
        self._asked(name)
        if name == "project_name" and name not in self._values:
            name = "project"
        if name in self._values:
            return self._values[name]
        if name == "trigger":
            return None
        raise AttributeError(f"current has no {name!r}")

    def __contains__(self, name: str) -> bool:
        self._asked(name)
        return self._values.get(name) is not None

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a name, or the default where it has none."""
        self._asked(name)
        value = self._values.get(name)
        return default if value is None else value

    @property
    def run(self) -> Any:
        """The client's Run of this task; None outside of a task."""
        self._asked("run")
        return self._client("Run", 2)

    @property
    def task(self) -> Any:
        """The client's Task that this is; None outside of a task."""
        self._asked("task")
        return self._client("Task", 4)

    @property
    def graph(self) -> Any:
        """The steps of the flow and how they follow each other, as a dictionary; None outside of a task."""
        cls = self._values.get("_flow_class")
        if cls is None:
            return None
        from headwater.flow.graph_info import graph_info

        return graph_info(cls)

    def _client(self, kind: str, parts: int) -> Any:
        pathspec = self._values["pathspec"]
        if pathspec is None:
            return None
        from headwater import client

        return getattr(client, kind)("/".join(pathspec.split("/")[:parts]))

    def __repr__(self) -> str:
        return f"current({self._values['pathspec'] or 'outside of a task'})"


current = Current()
