"""Fixtures for every test: see tests/harness/README.md."""

import signal
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.harness.fixtures import (  # noqa: F401
    bus,
    eventually,
    home,
    nats_servers,
    new_database,
    postgres,
    s3,
    serve,
    service_kit,
)

# A machine that is busy makes examples slowly; that says nothing of the code.
settings.register_profile("headwater", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("headwater")

LONGEST = 400  # seconds; a test that hangs fails, and the others still run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    def expire(number: int, frame: object) -> None:
        raise TimeoutError(f"{item.nodeid} takes longer than {LONGEST} s")

    before = signal.signal(signal.SIGALRM, expire)
    signal.alarm(LONGEST)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
