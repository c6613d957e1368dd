"""States of runs and tasks, and which follows which. The numbers are those of scheduler.proto and of the tables."""

from enum import IntEnum


class RunState(IntEnum):
    RUNNING = 1
    SUCCEEDED = 2
    FAILED = 3
    CANCELLED = 4

    @property
    def final(self) -> bool:
        return self is not RunState.RUNNING


class TaskState(IntEnum):
    WAITING = 1
    READY = 2
    DISPATCHED = 3
    SUCCEEDED = 4
    FAILED = 5
    CANCELLED = 6
    SKIPPED = 7

    @property
    def final(self) -> bool:
        return self >= TaskState.SUCCEEDED


FINAL = frozenset(state for state in TaskState if state.final)

# dispatched → dispatched is a new attempt: the worker is lost, or a retry is due at once.
TRANSITIONS: dict[TaskState, frozenset[TaskState]] = {
    TaskState.WAITING: frozenset({TaskState.READY, TaskState.CANCELLED, TaskState.SKIPPED}),
    TaskState.READY: frozenset({TaskState.DISPATCHED, TaskState.CANCELLED, TaskState.SKIPPED}),
    TaskState.DISPATCHED: frozenset(
        {TaskState.DISPATCHED, TaskState.READY, TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED}
    ),
    TaskState.SUCCEEDED: frozenset(),
    TaskState.FAILED: frozenset(),
    TaskState.CANCELLED: frozenset(),
    TaskState.SKIPPED: frozenset(),
}


def allowed(before: TaskState, after: TaskState) -> bool:
    return after in TRANSITIONS[before]
