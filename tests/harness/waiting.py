"""Waiting for a condition instead of sleeping."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(condition: Callable[[], T | Awaitable[T]], timeout: float = 10.0, *, what: str = "") -> T:
    """Calls condition() until it returns something true, and returns that. A failed assertion inside counts as not yet.

    Raises AssertionError after `timeout` seconds, with the last value or the last failure.
    """
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + timeout, 0.002
    while True:
        failure: AssertionError | None = None
        value: object = None
        try:
            value = condition()
            if inspect.isawaitable(value):
                value = await value
            if value:
                return value  # type: ignore[return-value]
        except AssertionError as error:
            failure = error
        if loop.time() > deadline:
            text = what or getattr(condition, "__name__", "the condition")
            raise AssertionError(f"{text} did not hold within {timeout:g} s; last: {failure or value!r}") from failure
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.05)
