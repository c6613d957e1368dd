"""A run in memory: does with the effects of settle.py what the tables do, and checks all that must hold meanwhile."""

from dataclasses import dataclass, field

from headwater_server.scheduler.fanout import Split
from headwater_server.scheduler.graph import Plan, Step
from headwater_server.scheduler.keys import Key, indexes_of
from headwater_server.scheduler.resume import Resumption
from headwater_server.scheduler.retries import Verdict, after_failure
from headwater_server.scheduler.settle import Effects, Finished, NewTask, after_success, wrong_choice
from headwater_server.scheduler.states import RunState, TaskState, allowed
from tests.unit.scheduler.flows import Flow, width_of

RUN = "00000000-0000-7000-8000-000000000001"


@dataclass
class Task:
    new: NewTask
    state: TaskState = TaskState.READY
    attempt: int = 0
    retry_count: int = 0
    caught: bool = False

    def become(self, state: TaskState) -> None:
        assert allowed(self.state, state), f"{self.new.key}: {self.state.name} → {state.name}"
        self.state = state


@dataclass
class Run:
    flow: Flow
    plan: Plan
    tasks: dict[Key, Task] = field(default_factory=dict)
    splits: dict[Key, Split] = field(default_factory=dict)
    targets: dict[Key, tuple[Step, tuple[int, ...]]] = field(default_factory=dict)
    state: RunState = RunState.RUNNING

    @classmethod
    def begin(cls, flow: Flow) -> "Run":
        plan = Plan(flow.graph)
        run = cls(flow, plan)
        run._add(NewTask(Key(RUN, plan.start, ()), plan[plan.start], (), ""))
        return run

    @classmethod
    def resume(cls, flow: Flow, plan: Plan, resumption: Resumption) -> "Run":
        run = cls(flow, plan)
        for new in resumption.taken:
            run.tasks[new.key] = Task(new, TaskState.SUCCEEDED)
        for key, (split, target, widths) in resumption.splits.items():
            run.splits[key] = Split(split.width, split.next_index, split.remaining)
            run.targets[key] = (target, widths)
        for new in resumption.tasks:
            run._add(new)
        return run

    def in_state(self, state: TaskState) -> list[Task]:
        return [task for task in self.tasks.values() if task.state is state]

    def open_splits(self) -> list[Key]:
        return [key for key, split in self.splits.items() if split.next_index < split.width]

    # What happens to it

    def dispatch(self, task: Task) -> None:
        task.become(TaskState.DISPATCHED)
        task.attempt += 1

    def make_branches(self, key: Key, most: int) -> None:
        """The dispatcher's part: some of the next branches of a foreach."""
        split, (target, widths) = self.splits[key], self.targets[key]
        for _ in range(most):
            if (index := split.take()) is not None:
                self._add(NewTask(key.at(target.name, (*key.indexes, index)), target, widths, key.step))

    def succeed(self, key: Key, attempt: int, eager: bool, fair: bool = True) -> bool:
        """False: it was not the first of this attempt, or came too late."""
        task = self.tasks[key]
        if self.state is not RunState.RUNNING or task.state is not TaskState.DISPATCHED or task.attempt != attempt:
            return False
        step = self.plan[key.step]
        width = width_of(self.flow.widths[step.name], key.indexes) if step.transition == "FOREACH" else 0
        assert wrong_choice(step, step.next, width) is None
        task.become(TaskState.SUCCEEDED)
        split = self._arrive(key)
        finished = Finished(key, task.new.widths, width, split)
        self._apply(after_success(self.plan, finished, lambda step: eager, fair))
        return True

    def fail(self, key: Key, retryable: bool) -> Verdict:
        task = self.tasks[key]
        following = after_failure(self.plan[key.step], {"retryable": retryable}, task.retry_count, task.caught)
        match following.verdict:
            case Verdict.RETRY:
                task.become(TaskState.READY)
                task.retry_count += 1
            case Verdict.CATCH:
                task.become(TaskState.READY)
                task.caught = True
            case Verdict.FINAL:
                task.become(TaskState.FAILED)
                self._end(RunState.FAILED)
                for other in self.tasks.values():
                    if not other.state.final:
                        other.become(TaskState.CANCELLED)
        return following.verdict

    def finish(self) -> None:
        """Carries out all that is left, as if everything succeeded."""
        while self.state is RunState.RUNNING:
            for key in self.open_splits():
                self.make_branches(key, 256)
            for task in self.in_state(TaskState.READY):
                self.dispatch(task)
            running = self.in_state(TaskState.DISPATCHED)
            assert running, "nothing runs, and nothing can"
            for task in running:
                assert self.succeed(task.new.key, task.attempt, eager=False)

    # What follows

    def _arrive(self, key: Key) -> Split | None:
        step = self.plan[key.step]
        if step.transition != "LINEAR" or not (join := self.plan[step.next[0]]).joins:
            return None
        split = self.splits[self.plan.split_of(join, key)]
        split.remaining -= 1
        assert split.remaining >= 0, f"more branches than there are arrived at {join.name}"
        return split

    def _apply(self, effects: Effects) -> None:
        for new in effects.splits:
            assert new.key not in self.splits, f"{new.key} splits twice"
            self.splits[new.key] = Split(new.width, new.next_index, new.width)
            self.targets[new.key] = (new.target, new.widths)
        for new in effects.tasks:
            self._add(new)
            if new.eager:
                self.dispatch(self.tasks[new.key])
        assert len([new for new in effects.tasks if new.eager]) <= 1, "one slot, one task"
        if effects.finished:
            self._end(RunState.SUCCEEDED)

    def _add(self, new: NewTask) -> None:
        key, step = new.key, new.step
        assert key not in self.tasks, f"{key} was made twice"
        assert step == self.plan[key.step]
        assert len(key.indexes) == len(new.widths) == step.depth == len(self.plan.foreach_steps(step))
        assert all(0 <= i < width for i, width in zip(key.indexes, new.widths, strict=True))
        assert indexes_of(key.path, key.index, step.depth) == key.indexes
        for source in self._sources(new):
            assert self.tasks[source].state is TaskState.SUCCEEDED, f"{key} begins before {source} is done"
        self.tasks[key] = Task(new)

    def _sources(self, new: NewTask) -> list[Key]:
        if not new.step.joins:
            source = self.plan.parent_of(new.key, new.parent)
            return [source] if source else []
        split = new.key.at(new.step.joins, new.key.indexes)
        assert self.splits[split].complete, f"{new.key} begins before all of {split} have arrived"
        return self.plan.joined_by(new.key, self.splits[split].width)

    def _end(self, state: RunState) -> None:
        assert self.state is RunState.RUNNING, "a run ends once"
        self.state = state

    def check(self) -> None:
        for key, split in self.splits.items():
            assert 0 <= split.remaining <= split.width, key
            assert 0 <= split.next_index <= split.width, key
        if self.state is RunState.SUCCEEDED:
            assert all(task.state is TaskState.SUCCEEDED for task in self.tasks.values())
            assert all(split.complete for split in self.splits.values())
            assert len(self.tasks) == self.flow.tasks
