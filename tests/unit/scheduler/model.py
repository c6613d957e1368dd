"""A run in memory: does with the effects of settle.py what the tables do, and checks all that must hold meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass, field

from headwater_server.scheduler.fanout import Split
from headwater_server.scheduler.graph import Plan, Step
from headwater_server.scheduler.keys import Key
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
        again = self.new.step.member and state is TaskState.READY and self.state is TaskState.SUCCEEDED
        assert again or allowed(self.state, state), f"{self.new.key}: {self.state.name} → {state.name}"
        self.state = state


@dataclass
class Run:
    flow: Flow
    plan: Plan
    tasks: dict[Key, Task] = field(default_factory=dict)
    splits: dict[Key, Split] = field(default_factory=dict)
    targets: dict[Key, tuple[Step, tuple[int, ...]]] = field(default_factory=dict)
    # split → branch → the task that was the last of it
    arrivals: dict[Key, dict[int, Key]] = field(default_factory=dict)
    state: RunState = RunState.RUNNING

    @classmethod
    def begin(cls, flow: Flow) -> "Run":
        plan = Plan(flow.graph)
        run = cls(flow, plan)
        run._add(NewTask(Key(RUN, plan.start, ()), plan[plan.start], (), ""))
        return run

    def in_state(self, state: TaskState) -> list[Task]:
        return [task for task in self.tasks.values() if task.state is state]

    def open_splits(self) -> list[Key]:
        return [key for key, split in self.splits.items() if split.next_index < split.width]

    # What happens to it

    def gang(self, task: Task) -> list[Task]:
        """The members of a task's gang; of another only itself."""
        if not task.new.step.member:
            return [task]
        split = self.plan.parent_of(task.new.key, task.new.parent)
        return [t for t in self.tasks.values() if t.new.step == task.new.step and self._parent(t) == split]

    def _parent(self, task: Task) -> Key | None:
        return self.plan.parent_of(task.new.key, task.new.parent)

    def dispatch(self, task: Task) -> None:
        for each in self.gang(task):
            if each.state is TaskState.READY:
                each.become(TaskState.DISPATCHED)
                each.attempt += 1

    def restart(self, task: Task, *, retry: bool = False, caught: bool = False) -> None:
        """A failed or lost attempt begins anew, and with it its gang."""
        for each in self.gang(task):
            if each.state is TaskState.READY or (caught and each.state is TaskState.SUCCEEDED):
                each.caught |= caught and each.state is TaskState.READY
                continue
            if each.state is TaskState.SUCCEEDED:
                split = self._parent(each)
                assert split is not None
                self.splits[split].remaining += 1
            each.become(TaskState.READY)
            each.retry_count += retry
            each.caught |= caught

    def make_branches(self, key: Key, most: int) -> None:
        """The dispatcher's part: some of the next branches of a foreach."""
        split, (target, widths) = self.splits[key], self.targets[key]
        for _ in range(split.width if self.plan[key.step].gang else most):
            if (index := split.take()) is not None:
                self._add(NewTask(key.at(target.name, (*key.indexes, index)), target, widths, key.step))

    def succeed(self, key: Key, attempt: int, eager: bool, fair: bool = True) -> bool:
        """False: it was not the first of this attempt, or came too late."""
        task = self.tasks[key]
        if self.state is not RunState.RUNNING or task.state is not TaskState.DISPATCHED or task.attempt != attempt:
            return False
        step = self.plan[key.step]
        width = width_of(self.flow.widths[step.name], key.indexes) if step.transition == "FOREACH" else 0
        chosen = step.next
        if step.transition == "SWITCH":
            chosen = (self.flow.chosen(step.name, key.indexes, key.loops, len(step.opens)),)
        assert wrong_choice(step, chosen, width) is None
        task.become(TaskState.SUCCEEDED)
        split = self._arrive(key, chosen)
        finished = Finished(key, task.new.widths, width, split, chosen[0] if chosen else "")
        self._apply(after_success(self.plan, finished, lambda step: eager, fair))
        return True

    def fail(self, key: Key, retryable: bool) -> Verdict:
        task = self.tasks[key]
        following = after_failure(self.plan[key.step], {"retryable": retryable}, task.retry_count, task.caught)
        match following.verdict:
            case Verdict.RETRY:
                self.restart(task, retry=True)
            case Verdict.CATCH:
                self.restart(task, caught=True)
            case Verdict.FINAL:
                task.become(TaskState.FAILED)
                self._end(RunState.FAILED)
                for other in self.tasks.values():
                    if not other.state.final:
                        other.become(TaskState.CANCELLED)
        return following.verdict

    def take_over(self, wanted: Callable[[Key], bool]) -> set[Key]:
        """The part of lookups.py: tasks whose sources were all taken over are, where `wanted` says so."""
        taken: set[Key] = set()
        while True:
            for key in self.open_splits():
                self.make_branches(key, 256)
            ready = [task for task in self.in_state(TaskState.READY) if self._may_be_taken(task, wanted, taken)]
            if not ready:
                return taken
            for task in ready:
                task.become(TaskState.DISPATCHED)
                assert self.succeed(task.new.key, 0, eager=False)
                taken.add(task.new.key)

    def _may_be_taken(self, task: Task, wanted: Callable[[Key], bool], taken: set[Key]) -> bool:
        together = self.gang(task)
        return all(wanted(each.new.key) for each in together) and set(self._sources(task.new)) <= taken

    def finish(self) -> None:
        """Carries out all that is left, as if everything succeeded."""
        while self.state is RunState.RUNNING:
            for key in self.open_splits():
                self.make_branches(key, 256)
            for task in self.in_state(TaskState.READY):
                if task.state is TaskState.READY:
                    self.dispatch(task)
            running = self.in_state(TaskState.DISPATCHED)
            assert running, "nothing runs, and nothing can"
            for task in running:
                assert self.succeed(task.new.key, task.attempt, eager=False)

    # What follows

    def _note_arrival(self, split: Key, branch: int, key: Key) -> None:
        assert branch not in self.arrivals.setdefault(split, {}), f"two tasks end branch {branch} of {split}"
        self.arrivals[split][branch] = key

    def _arrive(self, key: Key, chosen: tuple[str, ...]) -> Split | None:
        join = self.plan.chosen_join(self.plan[key.step], chosen)
        if join is None:
            return None
        if join.name in self.plan.undecided:
            self._note_arrival(self.plan.split_of(join, key), self.plan.branch_of(join, key), key)
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
        assert self.plan.key(key.run_id, key.step, key.path, key.index) == key
        for source in self._sources(new):
            assert self.tasks[source].state is TaskState.SUCCEEDED, f"{key} begins before {source} is done"
        self.tasks[key] = Task(new)

    def _sources(self, new: NewTask) -> list[Key]:
        if not new.step.joins:
            source = self.plan.parent_of(new.key, new.parent)
            return [source] if source else []
        split = new.key.at(new.step.joins, new.key.indexes)
        assert self.splits[split].complete, f"{new.key} begins before all of {split} have arrived"
        if new.step.name in self.plan.undecided:
            arrived = self.arrivals[split]
            assert sorted(arrived) == list(range(self.splits[split].width))
            return [arrived[branch] for branch in sorted(arrived)]
        return self.plan.joined_by(new.key, self.splits[split].width)

    def _end(self, state: RunState) -> None:
        assert self.state is RunState.RUNNING, "a run ends once"
        self.state = state

    def check(self) -> None:
        for key, split in self.splits.items():
            assert 0 <= split.remaining <= split.width, key
            assert 0 <= split.next_index <= split.width, key
        for task in self.tasks.values():
            states = {each.state for each in self.gang(task)} if task.new.step.member else set()
            assert not {TaskState.READY, TaskState.DISPATCHED} <= states, "a part of a gang runs"
        if self.state is RunState.SUCCEEDED:
            assert all(task.state is TaskState.SUCCEEDED for task in self.tasks.values())
            assert all(split.complete for split in self.splits.values())
            assert len(self.tasks) == self.flow.tasks
