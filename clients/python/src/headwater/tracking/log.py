"""log_metric, log_param, set_tag: what user code calls, in a step or outside of one.

Checks values here, so that a wrong one is an error at the line that logged it. target.py says where they go.
"""

import math
import time
from collections.abc import Mapping
from typing import Any, SupportsFloat

from headwater.errors import InvalidArgument
from headwater.tracking.target import target

MAX_KEY = 250
MAX_VALUE = 8000
_SPECIAL = {math.inf: "Infinity", -math.inf: "-Infinity"}


def log_metric(key: str, value: SupportsFloat, step: int | None = None) -> None:
    """Logs one point of a metric; never waits for the network.

    value: a number (NaN and infinity too), also of numpy or a one-element tensor. step: position on the x-axis, e.g.
    the epoch; without it the points of a key are counted from 0.
    Raises InvalidArgument for anything that is not a number; FailedPrecondition outside of a step and of start_run().

        for epoch in range(10):
            log_metric("loss", train(), step=epoch)
    """
    log_metrics({key: value}, step)


def log_metrics(metrics: Mapping[str, SupportsFloat], step: int | None = None) -> None:
    """Logs one point of several metrics at the same step; see log_metric."""
    now = int(time.time() * 1000)
    goal = target()
    goal.send([point(key, value, goal.step_of(key, step), now) for key, value in metrics.items()], {}, {})


def log_param(key: str, value: Any) -> None:
    """Logs a parameter: one value per key and run, kept as text of at most 8,000 characters."""
    log_params({key: value})


def log_params(params: Mapping[str, Any]) -> None:
    """Logs several parameters; see log_param."""
    target().send([], texts("param", params), {})


def set_tag(key: str, value: Any) -> None:
    """Sets a tag of the run; a later value replaces an earlier one."""
    set_tags({key: value})


def set_tags(tags: Mapping[str, Any]) -> None:
    """Sets several tags; see set_tag."""
    target().send([], {}, texts("tag", tags))


def texts(kind: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Params or tags as checked text. Raises InvalidArgument."""
    return {check_key(kind, key): check_text(kind, key, value) for key, value in values.items()}


def point(key: str, value: Any, step: int, now: int) -> dict[str, Any]:
    """A Metric in JSON. Raises InvalidArgument."""
    try:
        number = float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError):
        kind = type(value).__name__
        raise InvalidArgument(f"metric {key!r} got {value!r} ({kind}), which is not a number", field="value") from None
    shown: Any = number
    if not math.isfinite(number):
        shown = _SPECIAL.get(number, "NaN")
    return {"key": check_key("metric", key), "value": shown, "step": step, "timestampMs": now}


def check_key(kind: str, key: Any) -> str:
    if not isinstance(key, str) or not key.strip() or len(key) > MAX_KEY or any(ord(char) < 32 for char in key):
        raise InvalidArgument(f"{kind} key {key!r} must be text of 1 to {MAX_KEY} characters on one line", field="key")
    return key


def check_text(kind: str, key: str, value: Any) -> str:
    text = value if isinstance(value, str) else str(value)
    if len(text) > MAX_VALUE:
        raise InvalidArgument(
            f"{kind} {key!r} is {len(text)} characters long, at most {MAX_VALUE} are kept",
            field="value",
            hint="store it as an artifact: self.name = value",
        )
    return text
