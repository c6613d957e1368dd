import pytest

from headwater_server.scheduler.graph import Plan
from headwater_server.scheduler.retries import Next, Verdict, after_failure, worker_lost
from tests.unit.scheduler.flows import step

PLAN = Plan(
    {
        "steps": [
            step("start", "caught", retry={"times": 2, "delay": "1.5s"}),
            step("caught", "plain", retry={"times": 1}, catch={}),
            step("plain", "end"),
            step("end"),
        ]
    }
)
RETRY, CATCH, FINAL = Next(Verdict.RETRY, 1.5), Next(Verdict.CATCH), Next(Verdict.FINAL)


@pytest.mark.parametrize(
    ("name", "retryable", "retry_count", "caught", "expected"),
    [
        ("start", True, 0, False, RETRY),
        ("start", True, 1, False, RETRY),
        ("start", True, 2, False, FINAL),
        ("start", False, 0, False, FINAL),
        ("caught", True, 0, False, Next(Verdict.RETRY)),
        ("caught", True, 1, False, CATCH),
        ("caught", False, 0, False, CATCH),
        ("caught", True, 0, True, FINAL),
        ("plain", True, 0, False, FINAL),
    ],
)
def test_what_follows_a_failure(name, retryable, retry_count, caught, expected):
    assert after_failure(PLAN[name], {"retryable": retryable}, retry_count, caught) == expected


def test_a_failure_that_does_not_say_so_is_not_retried():
    assert after_failure(PLAN["start"], {}, 0, False) == FINAL


def test_lost_workers_are_no_reason_to_lose_more():
    assert after_failure(PLAN["start"], worker_lost(4), 0, False) == FINAL
    assert worker_lost(4)["message"] == "4 workers were lost while they ran it"
