"""Whole runs of random flows, in memory: completions, duplicates, failures and losses in any order."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from headwater_server.scheduler.graph import Plan
from headwater_server.scheduler.retries import Verdict
from headwater_server.scheduler.reuse import looked_up, resuming
from headwater_server.scheduler.states import RunState, TaskState
from tests.unit.scheduler.flows import Flow, flows
from tests.unit.scheduler.model import Run, Task


class WholeRun(RuleBasedStateMachine):
    run: Run

    @initialize(flow=flows())
    def begin(self, flow: Flow) -> None:
        self.run = Run.begin(flow)

    def _some(self, data: Any, state: TaskState) -> Task:
        return data.draw(st.sampled_from(self.run.in_state(state)))

    @precondition(lambda self: self.run.in_state(TaskState.READY))
    @rule(data=st.data())
    def hand_out(self, data: Any) -> None:
        self.run.dispatch(self._some(data, TaskState.READY))

    @precondition(lambda self: self.run.state is RunState.RUNNING and self.run.open_splits())
    @rule(data=st.data(), most=st.integers(1, 3))
    def make_branches(self, data: Any, most: int) -> None:
        self.run.make_branches(data.draw(st.sampled_from(self.run.open_splits())), most)

    @precondition(lambda self: self.run.in_state(TaskState.DISPATCHED))
    @rule(data=st.data(), eager=st.booleans(), fair=st.booleans())
    def succeed(self, data: Any, eager: bool, fair: bool) -> None:
        task = self._some(data, TaskState.DISPATCHED)
        key, attempt = task.new.key, task.attempt
        assert self.run.succeed(key, attempt, eager, fair)
        before = len(self.run.tasks)
        assert not self.run.succeed(key, attempt, eager, fair), "said again, it changes nothing"
        assert len(self.run.tasks) == before

    @precondition(lambda self: self.run.in_state(TaskState.DISPATCHED))
    @rule(data=st.data())
    def lose(self, data: Any) -> None:
        """The worker vanishes; its word comes after the task was handed out again."""
        task = self._some(data, TaskState.DISPATCHED)
        old = task.attempt
        self.run.restart(task)
        self.run.dispatch(task)
        assert not self.run.succeed(task.new.key, old, eager=True)

    @precondition(lambda self: self.run.in_state(TaskState.DISPATCHED))
    @rule(data=st.data(), retryable=st.booleans())
    def fail(self, data: Any, retryable: bool) -> None:
        running = [t for t in self.run.in_state(TaskState.DISPATCHED) if t.new.step.retries or t.new.step.catches]
        if not running:
            return
        task = data.draw(st.sampled_from(running))
        verdict = self.run.fail(task.new.key, retryable)
        assert task.retry_count <= task.new.step.retries
        if verdict is Verdict.FINAL:
            assert task.caught or not task.new.step.catches
            assert self.run.state is RunState.FAILED

    @rule()
    def wait(self) -> None:
        """When it is over, nothing else is left to do."""

    @invariant()
    def all_holds(self) -> None:
        if hasattr(self, "run"):
            self.run.check()

    def teardown(self) -> None:
        if hasattr(self, "run") and self.run.state is RunState.RUNNING:
            self.run.finish()
            assert self.run.state is RunState.SUCCEEDED
            self.run.check()


TestWholeRun = WholeRun.TestCase
TestWholeRun.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@settings(max_examples=80, deadline=None)
@given(flow=flows(), data=st.data())
def test_a_resumed_run_takes_over_what_it_can_and_comes_to_the_same_end(flow, data):
    first = Run.begin(flow)
    for _ in range(data.draw(st.integers(0, flow.tasks), label="completed")):
        for key in first.open_splits():
            first.make_branches(key, 2)
        for task in first.in_state(TaskState.READY):
            first.dispatch(task)
        running = first.in_state(TaskState.DISPATCHED)
        if not running:
            break
        task = data.draw(st.sampled_from(running))
        first.succeed(task.new.key, task.attempt, eager=False)
    plan = Plan(flow.graph)
    resume_step = data.draw(st.sampled_from(["", *plan.steps]), label="resume_step")
    reuse = resuming(plan, resume_step, {"alpha": 1}, {"alpha": 1}, [])
    done = {task.new.key for task in first.in_state(TaskState.SUCCEEDED)}

    second = Run.begin(flow)
    taken = second.take_over(lambda key: looked_up(reuse, plan[key.step]) and key in done)

    # What comes after a step that runs again is not taken over, nor is a gang of which a member has to run.
    expected = {key for key in done if key.step not in reuse.again and key.step != "end"}
    partly = {key for key in expected if any(t.new.key not in expected for t in first.gang(first.tasks[key]))}
    assert taken == expected - partly
    second.finish()
    second.check()
    assert second.state is RunState.SUCCEEDED
