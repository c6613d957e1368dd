"""Which tasks of an earlier run a resumed one takes over, and with which tasks it goes on. Pure."""

from collections import deque
from dataclasses import dataclass, field

from headwater_server.scheduler.fanout import Split
from headwater_server.scheduler.graph import Plan, Step
from headwater_server.scheduler.keys import Indexes, Key
from headwater_server.scheduler.settle import NewTask, Widths

# (step, indexes) of a succeeded task → the width of the foreach that it opened, else 0.
Succeeded = dict[tuple[str, Indexes], int]


@dataclass
class Resumption:
    """taken: tasks to copy; tasks: those to run first; splits: what is left of them, every branch accounted for."""

    taken: list[NewTask] = field(default_factory=list)
    tasks: list[NewTask] = field(default_factory=list)
    splits: dict[Key, tuple[Split, Step, Widths]] = field(default_factory=dict)


def resumed(plan: Plan, run_id: str, succeeded: Succeeded, again: set[str]) -> Resumption:
    """again: steps to run in any case. A task is taken over when it succeeded and all that it depends on is taken over;
    the last step always runs, so that the new run has a result of its own."""
    result = Resumption()
    start = plan[plan.start]
    queue = deque([NewTask(Key(run_id, start.name, ()), start, (), "")])
    while queue:
        task = queue.popleft()
        known = (task.key.step, task.key.indexes)
        step = task.step
        usable = known in succeeded and step.name not in again and step.transition != "END"
        if not usable or (step.transition == "FOREACH" and succeeded[known] < 1):
            result.tasks.append(task)
            continue
        result.taken.append(task)
        queue += _after(plan, task, succeeded[known], result)
    return result


def _after(plan: Plan, task: NewTask, foreach_width: int, result: Resumption) -> list[NewTask]:
    step, key = task.step, task.key
    targets = [plan[name] for name in step.next]
    if step.transition == "FOREACH":
        widths = (*task.widths, foreach_width)
        result.splits[key] = (Split(foreach_width, foreach_width, foreach_width), targets[0], widths)
        return [
            NewTask(key.at(targets[0].name, (*key.indexes, i)), targets[0], widths, step.name)
            for i in range(foreach_width)
        ]
    if step.transition == "SPLIT":
        width = len(targets)
        result.splits[key] = (Split(width, width, width), targets[0], task.widths)
        return [NewTask(key.at(t.name, key.indexes), t, task.widths, step.name) for t in targets]
    target = targets[0]
    if not target.joins:
        return [NewTask(key.at(target.name, key.indexes), target, task.widths, step.name)]
    split_key = plan.split_of(target, key)
    split = result.splits[split_key][0]
    split.remaining -= 1
    if not split.complete:
        return []
    deeper = plan[target.joins].transition == "FOREACH"
    return [NewTask(key.at(target.name, split_key.indexes), target, task.widths[:-1] if deeper else task.widths, "")]
