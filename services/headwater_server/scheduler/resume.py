"""Which tasks of an earlier run a resumed one takes over, and with which tasks it goes on. Pure."""

from collections import deque
from dataclasses import dataclass, field

from headwater_server.scheduler.fanout import Split
from headwater_server.scheduler.graph import Plan, Step
from headwater_server.scheduler.keys import Indexes, Key
from headwater_server.scheduler.settle import NewTask, Widths


@dataclass(frozen=True)
class Done:
    """What is known of a task that succeeded: the width of the foreach that it opened, the case that it chose."""

    width: int = 0
    chosen: str = ""


Succeeded = dict[tuple[str, Indexes, Indexes], Done]


@dataclass
class Resumption:
    """taken: tasks to copy; tasks: those to run first; splits: what is left of them, every branch accounted for;
    arrivals: (split, branch, task) of undecided joins."""

    taken: list[NewTask] = field(default_factory=list)
    tasks: list[NewTask] = field(default_factory=list)
    splits: dict[Key, tuple[Split, Step, Widths]] = field(default_factory=dict)
    arrivals: list[tuple[Key, int, Key]] = field(default_factory=list)


def resumed(plan: Plan, run_id: str, succeeded: Succeeded, again: set[str]) -> Resumption:
    """again: steps to run in any case. A task is taken over when it succeeded and all that it depends on is taken over;
    the last step always runs, so that the new run has a result of its own."""
    result = Resumption()
    start = plan[plan.start]
    queue = deque([NewTask(Key(run_id, start.name, ()), start, (), "")])
    while queue:
        task = queue.popleft()
        done = succeeded.get((task.key.step, task.key.indexes, task.key.loops))
        if done is None or task.step.name in again or not _usable(task.step, done):
            result.tasks.append(task)
            continue
        result.taken.append(task)
        queue += _after(plan, task, done, result)
    _whole_gangs(plan, result)
    return result


def _usable(step: Step, done: Done) -> bool:
    match step.transition:
        case "END":
            return False
        case "FOREACH":
            return done.width >= 1
        case "SWITCH":
            return done.chosen in step.next
    return True


def _after(plan: Plan, task: NewTask, done: Done, result: Resumption) -> list[NewTask]:
    step, key = task.step, task.key
    targets = [plan[name] for name in step.next]
    if step.transition == "FOREACH":
        widths = (*task.widths, done.width)
        result.splits[key] = (Split(done.width, done.width, done.width), targets[0], widths)
        return [
            NewTask(key.at(targets[0].name, (*key.indexes, i)), targets[0], widths, step.name)
            for i in range(done.width)
        ]
    if step.transition == "SPLIT":
        width = len(targets)
        result.splits[key] = (Split(width, width, width), targets[0], task.widths)
        return [NewTask(key.at(t.name, key.indexes), t, task.widths, step.name) for t in targets]
    target = plan[done.chosen] if step.transition == "SWITCH" else targets[0]
    if not target.joins:
        following = plan.next_key(key, target.name)
        return [NewTask(following, target, task.widths, plan.parent_label(following, key))]
    split_key = plan.split_of(target, key)
    if target.name in plan.undecided:
        result.arrivals.append((split_key, plan.branch_of(target, key), key))
    split = result.splits[split_key][0]
    split.remaining -= 1
    if not split.complete:
        return []
    deeper = plan[target.joins].transition == "FOREACH"
    widths = task.widths[:-1] if deeper else task.widths
    return [NewTask(split_key.at(target.name, split_key.indexes), target, widths, "")]


def _whole_gangs(plan: Plan, result: Resumption) -> None:
    """A gang of which some members have to run runs as a whole."""
    broken = {(t.key.step, t.key.path) for t in result.tasks if t.step.member}
    if not broken:
        return
    again = [t for t in result.taken if (t.key.step, t.key.path) in broken]
    result.taken = [t for t in result.taken if (t.key.step, t.key.path) not in broken]
    result.tasks += again
    for task in again:
        split = plan.parent_of(task.key, task.parent)
        assert split is not None
        result.splits[split][0].remaining += 1
