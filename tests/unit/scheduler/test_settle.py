"""What a finished task leads to, beyond what whole runs show: eager starts, and code that leaves its graph."""

import pytest

from headwater_server.scheduler.fanout import SHARE, WIDEST, Split, is_wide
from headwater_server.scheduler.graph import Plan, Step
from headwater_server.scheduler.keys import Key
from headwater_server.scheduler.settle import Effects, Finished, after_success, wrong_choice
from tests.unit.scheduler.flows import step

FOREACH = Plan(
    {
        "steps": [
            step("start", "work", foreach="items"),
            step("work", "join"),
            step("join", "end", joins="start"),
            step("end"),
        ]
    }
)
SPLIT = Plan(
    {
        "steps": [
            step("start", "a", "b"),
            step("a", "join", pool="gpu"),
            step("b", "join"),
            step("join", "end", joins="start"),
            step("end"),
        ]
    }
)


def yes(_: Step) -> bool:
    return True


def no(_: Step) -> bool:
    return False


def made(effects: Effects) -> list[tuple[str, tuple[int, ...], bool]]:
    return [(task.key.step, task.key.indexes, task.eager) for task in effects.tasks]


def test_a_foreach_is_one_row_and_at_most_one_task():
    lazy = after_success(FOREACH, Finished(Key("r", "start", ()), (), 1000), no)
    assert (made(lazy), lazy.splits[0].next_index, lazy.waiting) == ([], 0, True)
    eager = after_success(FOREACH, Finished(Key("r", "start", ()), (), 1000), yes)
    assert (made(eager), eager.splits[0].next_index, eager.waiting) == ([("work", (0,), True)], 1, True)
    single = after_success(FOREACH, Finished(Key("r", "start", ()), (), 1), yes)
    assert not single.waiting, "nothing is left for anybody else"


def test_a_branch_goes_on_in_its_slot_only_while_nobody_else_waits_for_one():
    def arrive(next_index: int, fair: bool) -> Effects:
        split = Split(width=4, next_index=next_index, remaining=2)
        return after_success(FOREACH, Finished(Key("r", "work", (1,)), (4,), 0, split), yes, fair)

    assert made(arrive(3, fair=True)) == [("work", (3,), True)]
    assert made(arrive(4, fair=True)) == []
    unfair = arrive(3, fair=False)
    assert (made(unfair), unfair.waiting) == ([], True)


def test_of_two_branches_the_slot_gets_one_that_fits_its_pool():
    effects = after_success(SPLIT, Finished(Key("r", "start", ()), (), 0), lambda s: s.pool == "default")
    assert made(effects) == [("a", (), False), ("b", (), True)]
    assert (effects.splits[0].width, effects.splits[0].next_index) == (2, 2)


def test_the_last_arrival_opens_the_join_and_an_earlier_one_does_not():
    def arrive(remaining: int) -> Effects:
        return after_success(SPLIT, Finished(Key("r", "b", ()), (), 0, Split(2, 2, remaining)), yes)

    assert made(arrive(1)) == []
    assert made(arrive(0)) == [("join", (), True)]


def test_the_end_ends_the_run():
    assert after_success(SPLIT, Finished(Key("r", "end", ()), (), 0), yes) == Effects(finished=True)


@pytest.mark.parametrize(
    ("name", "chosen", "width", "message"),
    [
        ("start", ("work",), 3, None),
        ("start", (), 3, None),
        ("work", (), 7, None),
        ("work", ("end",), 0, "step work went on to end; the graph says join"),
        ("end", ("start",), 0, "step end went on to start; the graph says nothing"),
        ("start", (), 0, "the foreach over self.items in step start has no items"),
        ("start", (), -1, "the foreach in step start has -1 items; at most 1,000,000 can be"),
        ("start", (), WIDEST + 1, "the foreach in step start has 1,000,001 items; at most 1,000,000 can be"),
    ],
)
def test_code_that_leaves_its_graph_fails_for_good(name, chosen, width, message):
    failure = wrong_choice(FOREACH[name], chosen, width)
    assert (failure and failure["message"]) == message
    assert failure is None or failure["retryable"] is False


def test_wide_is_what_all_open_foreach_steps_are_together():
    assert [is_wide(widths) for widths in ((), (100,), (101,), (10, 10), (11, 10))] == [False, False, True, False, True]


def test_a_slot_is_given_its_share_of_the_branches_and_only_the_first_has_begun():
    def arrive(next_index: int, more: int, fair: bool = True) -> list[tuple[int, bool]]:
        split = Split(width=100, next_index=next_index, remaining=2)
        effects = after_success(FOREACH, Finished(Key("r", "work", (1,)), (100,), 0, split), yes, fair, more)
        assert all(task.eager for task in effects.tasks)
        return [(task.key.index, task.later) for task in effects.tasks]

    assert arrive(20, 3) == [(20, False), (21, True), (22, True), (23, True)]
    assert len(arrive(20, 50)) == 1 + 80 // SHARE, "others want some, too"
    assert arrive(96, 50) == [(96, False)]
    assert arrive(20, 3, fair=False) == []
