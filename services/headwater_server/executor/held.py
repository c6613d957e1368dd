"""What one worker over gRPC was given and has not completed: how many more it may get, and what its heartbeats say.

Pure: seconds come from the caller.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from headwater.api.common.v1 import common_pb2
from headwater.api.scheduler.v1 import scheduler_pb2 as pb

Attempt = tuple[str, str, str, int, int]


def attempt_of(key: common_pb2.TaskKey, attempt: int) -> Attempt:
    return key.run_id, key.step, key.path, key.index, attempt


@dataclass
class Holding:
    """`settle`: seconds after which a worker must have named a task that it was given in a heartbeat of its own."""

    slots: int
    settle: float
    # Messages that were received and are not yet a task of the worker.
    arriving: int = 0
    _given: dict[Attempt, tuple[pb.HeldTask, float]] = field(default_factory=dict)
    _completing: dict[Attempt, pb.HeldTask] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return max(0, self.slots - self.arriving - len(self._given))

    def give(self, task: pb.TaskAssignment, at: float) -> None:
        held = pb.HeldTask(key=task.key, attempt=task.attempt)
        self._given[attempt_of(task.key, task.attempt)] = (held, at)

    def complete(self, key: common_pb2.TaskKey, attempt: int) -> None:
        """Its completion is on the way: still held until the scheduler has it, whatever the worker says."""
        self._completing[attempt_of(key, attempt)] = pb.HeldTask(key=key, attempt=attempt)

    def drop(self, key: common_pb2.TaskKey, attempt: int) -> None:
        self._given.pop(attempt_of(key, attempt), None)
        self._completing.pop(attempt_of(key, attempt), None)

    def heartbeat(self, said: Iterable[pb.HeldTask], at: float) -> list[pb.HeldTask]:
        """What the worker says it holds, and what it cannot have said."""
        held = {attempt_of(task.key, task.attempt): task for task in said}
        recent = {key: task for key, (task, since) in self._given.items() if at - since < self.settle}
        return list((recent | self._completing | held).values())
