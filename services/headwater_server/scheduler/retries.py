"""What follows when an attempt has failed: another attempt, the step's @catch, or the end of the run. Pure."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from headwater_server.scheduler.graph import Step

MOST_LOST = 3
# Attempts in a row that no worker begins, although there are workers.
MOST_UNCLAIMED = 9
WORKER_LOST = "WORKER_LOST"


class Verdict(Enum):
    RETRY = "retry"
    # One more attempt that does nothing but carry out @catch: the process that failed could not.
    CATCH = "catch"
    FINAL = "final"


@dataclass(frozen=True)
class Next:
    verdict: Verdict
    # Seconds until the attempt may begin.
    delay: float = 0.0


def after_failure(step: Step, failure: dict[str, Any], retry_count: int, caught: bool) -> Next:
    """retry_count: what @retry has paid for so far; caught: this attempt was to carry out @catch."""
    if not caught and failure.get("retryable", False) and retry_count < step.retries:
        return Next(Verdict.RETRY, step.retry_delay)
    if step.catches and not caught:
        return Next(Verdict.CATCH)
    return Next(Verdict.FINAL)


def never_begun(times: int) -> dict[str, Any]:
    """The Failure of a task that workers are given, and that none of them begins."""
    return {
        "code": "NEVER_BEGUN",
        "message": f"it was handed out {times} times, and no worker began it",
        "hint": "Look at the workers' logs: perhaps they cannot read it. An update of the workers may help.",
        "retryable": False,
    }


def worker_lost(lost: int) -> dict[str, Any]:
    """The Failure of a task that has taken too many workers with it."""
    return {
        "code": WORKER_LOST,
        "message": f"{lost} workers were lost while they ran it",
        "hint": "It may exhaust the memory of its node. Look at the workers' logs, or give it a larger pool.",
        "retryable": False,
    }
