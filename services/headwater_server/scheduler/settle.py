"""What a finished task leads to: successors, branches of a split, the join behind it, or the end of the run. Pure.

The one rule of the eager start: the slot that finished a task may be given one of the tasks that this made possible.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from headwater_server.scheduler.fanout import WIDEST, WIDEST_GANG, Split
from headwater_server.scheduler.graph import Plan, Step
from headwater_server.scheduler.keys import Key

Widths = tuple[int, ...]


@dataclass(frozen=True)
class NewTask:
    key: Key
    step: Step
    widths: Widths
    parent: str
    # Given at once to the worker whose task led to it.
    eager: bool = False
    # It will begin after other tasks that this worker was given.
    later: bool = False


@dataclass(frozen=True)
class NewSplit:
    key: Key
    target: Step
    width: int
    widths: Widths
    next_index: int


@dataclass
class Effects:
    """All that one finished task changes, besides itself."""

    tasks: list[NewTask] = field(default_factory=list)
    splits: list[NewSplit] = field(default_factory=list)
    finished: bool = False
    # Are there tasks that somebody else has to hand out?
    waiting: bool = False

    @property
    def eager(self) -> NewTask | None:
        return next((task for task in self.tasks if task.eager), None)

    @property
    def given(self) -> list[NewTask]:
        """The eager one, and what its slot runs after it."""
        return [task for task in self.tasks if task.eager]


@dataclass(frozen=True)
class Finished:
    """A task that has just succeeded. `split`: the counters of the split whose join it arrives at, after it did;
    `chosen`: the successor that a switch decided for."""

    key: Key
    widths: Widths
    foreach_width: int
    split: Split | None = None
    chosen: str = ""


Eager = Callable[[Step], bool]


def wrong_choice(step: Step, chosen: tuple[str, ...], foreach_width: int) -> dict[str, Any] | None:
    """The Failure of code that went on in another way than the graph says; None when it did not."""
    if step.transition == "SWITCH":
        if len(chosen) == 1 and chosen[0] in step.next:
            return None
        named = ", ".join(chosen) or "nothing"
        message = f"the switch in step {step.name} chose {named}; its cases are {', '.join(step.next)}"
        return _user_error(message, "self.next({value: self.step, …}, condition=…) must name one of them.")
    if chosen and tuple(chosen) != step.next:
        message = f"step {step.name} went on to {', '.join(chosen)}; the graph says {', '.join(step.next) or 'nothing'}"
        return _user_error(message, "self.next(...) must be the same in every run of the code.")
    if step.transition != "FOREACH":
        return None
    if foreach_width == 0:
        what = "num_parallel" if step.gang else f"the foreach over self.{step.foreach}"
        return _user_error(f"{what} in step {step.name} has no items", "Give it at least one.")
    widest = WIDEST_GANG if step.gang else WIDEST
    if not 0 < foreach_width <= widest:
        what = "gang" if step.gang else "foreach"
        return _user_error(f"the {what} in step {step.name} has {foreach_width:,} items; at most {widest:,} can be", "")
    return None


def _user_error(message: str, hint: str) -> dict[str, Any]:
    return {"code": "USER_ERROR", "message": message, "hint": hint, "retryable": False}


def after_success(plan: Plan, done: Finished, may_start: Eager, fair: bool = True, more: int = 0) -> Effects:
    """may_start(step): would the worker start a task of this step at once? fair: nobody else waits for the slot, so a
    foreach may go on in it; more: how many further branches of the foreach the slot would take."""
    step = plan[done.key.step]
    if step.transition == "END":
        return Effects(finished=True)
    if step.transition == "FOREACH":
        return _open_foreach(plan, step, done, may_start)
    if step.transition == "SPLIT":
        return _open_split(plan, step, done, may_start)
    target = plan[done.chosen if step.transition == "SWITCH" else step.next[0]]
    if target.joins:
        return _arrive(plan, target, done, may_start, fair, more)
    eager = may_start(target)
    key = plan.next_key(done.key, target.name)
    task = NewTask(key, target, done.widths, plan.parent_label(key, done.key), eager)
    return Effects([task], waiting=not eager)


def _open_foreach(plan: Plan, step: Step, done: Finished, may_start: Eager) -> Effects:
    target = plan[step.next[0]]
    widths = (*done.widths, done.foreach_width)
    effects = Effects(waiting=True)
    if not step.gang and may_start(target):
        effects.tasks.append(NewTask(_branch(done.key, target, 0), target, widths, step.name, True))
        effects.waiting = done.foreach_width > 1
    effects.splits.append(NewSplit(done.key, target, done.foreach_width, widths, len(effects.tasks)))
    return effects


def _open_split(plan: Plan, step: Step, done: Finished, may_start: Eager) -> Effects:
    effects = Effects(waiting=True)
    for name in step.next:
        target = plan[name]
        eager = effects.eager is None and may_start(target)
        effects.tasks.append(NewTask(done.key.at(name, done.key.indexes), target, done.widths, step.name, eager))
    width = len(step.next)
    effects.splits.append(NewSplit(done.key, plan[step.next[0]], width, done.widths, width))
    return effects


def _arrive(plan: Plan, join: Step, done: Finished, may_start: Eager, fair: bool, more: int) -> Effects:
    assert done.split is not None, f"{done.key} arrives at {join.name} without its split"
    split_key = plan.split_of(join, done.key)
    split_step = plan[join.joins]
    if done.split.complete:
        widths = done.widths[:-1] if split_step.transition == "FOREACH" else done.widths
        eager = may_start(join)
        task = NewTask(split_key.at(join.name, split_key.indexes), join, widths, "", eager)
        return Effects([task], waiting=not eager)
    if split_step.transition != "FOREACH" or split_step.gang:
        return Effects()
    target = plan[split_step.next[0]]
    if not fair or not may_start(target):
        return Effects(waiting=done.split.next_index < done.split.width)
    effects = Effects()
    for number in range(1 + min(more, done.split.share)):
        if (index := done.split.take()) is None:
            break
        key = _branch(split_key, target, index)
        effects.tasks.append(NewTask(key, target, done.widths, split_step.name, True, later=number > 0))
    return effects


def _branch(split: Key, target: Step, index: int) -> Key:
    return split.at(target.name, (*split.indexes, index))
