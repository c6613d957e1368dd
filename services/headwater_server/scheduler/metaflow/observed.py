"""What the metadata of a task says about its run: which attempt began, how it ended, what it was cloned from. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from headwater_server.scheduler.keys import Key

PARAMETERS = "_parameters"
LOST = "CLIENT_LOST"
_ATTEMPT = re.compile(r"^attempt_id:(\d{1,6})$")


class Datum(Protocol):
    field_name: str
    value: str
    tags: Any


@dataclass(frozen=True)
class Observed:
    """began, ended: numbers of attempts, from 0; ok: how the ended one did; origin: the id that the client gives to the
    run it resumes; end_step: the step that a run of this flow ends with."""

    began: int | None = None
    ended: int | None = None
    ok: bool = False
    origin: str = ""
    cloned: bool = False
    end_step: str = ""

    @property
    def matters(self) -> bool:
        return self.began is not None or self.ended is not None or bool(self.origin or self.end_step)


def observe(data: Iterable[Datum]) -> Observed:
    found: dict[str, Any] = {}
    for datum in data:
        field, value = datum.field_name, datum.value
        if field == "attempt" and value.isdigit():
            found["began"] = min(int(value), 1_000_000)
        elif field == "attempt_ok":
            found |= {"ended": _attempt_of(datum.tags), "ok": value == "True"}
        elif field == "origin-run-id" and value not in ("", "None"):
            found["origin"] = value
        elif field == "origin-task-id":
            found["cloned"] = True
        elif field == "end_step" and value:
            found["end_step"] = value
    return Observed(**found)


def _attempt_of(tags: Iterable[str]) -> int:
    return next((int(match[1]) for tag in tags if (match := _ATTEMPT.match(tag))), 0)


@dataclass(frozen=True, slots=True)
class TaskKey(Key):
    """A task that the client numbers: its id is the only index, and may be a name beside it."""

    name: str = ""

    @property
    def task_id(self) -> str:
        return self.name or str(self.index)


def key_of(run_id: str, step: str, task_id: int, name: str | None) -> TaskKey:
    return TaskKey(run_id, step, (task_id,), name=name or "")


def step_failed(step: str, attempt: int, run: str, task: str) -> dict[str, Any]:
    return {
        "code": "USER_ERROR",
        "message": f"step {step} failed in attempt {attempt + 1}",
        "hint": f"The client has its log: `python <file> logs show {run}/{step}/{task}`.",
        "retryable": True,
    }


def client_lost(lease: float) -> dict[str, Any]:
    return {
        "code": LOST,
        "message": f"the Metaflow client that executes the run has said nothing for {lease:g} s",
        "hint": "It was killed, or cannot reach this server. `resume` goes on with what is finished.",
    }
