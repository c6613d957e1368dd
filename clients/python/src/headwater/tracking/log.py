"""log_metric, log_param, set_tag: what user code calls, in a step or outside of one.

Checks values here, so that a wrong one is an error at the line that logged it. target.py says where they go.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, SupportsFloat

from headwater.errors import InvalidArgument
from headwater.tracking.target import check_step, target

if TYPE_CHECKING:
    from headwater.tracking.target import Target

MAX_KEY = 250
MAX_PARAM = 6000
MAX_TAG = 8000
_KNOWN_KEYS = 100_000
_known: set[str] = set()


def log_metric(
    key: str,
    value: SupportsFloat,
    step: int | None = None,
    *,
    timestamp: int | None = None,
    run_id: str | None = None,
    synchronous: bool | None = None,
) -> None:
    """Logs one point of a metric; never waits for the network or the disk.

    value: a number (NaN and infinity too), also of numpy or a one-element tensor. step: position on the x-axis, e.g.
    the epoch; without it the points of a key are counted from 0. timestamp: milliseconds since the Unix epoch, by
    default now. run_id: of another run than the active one. synchronous: return when it is stored.
    Raises InvalidArgument for anything that is not a number; FailedPrecondition outside of a step and of start_run().

        for epoch in range(10):
            log_metric("loss", train(), step=epoch)
    """
    goal = target() if run_id is None else of_run(run_id)
    if key not in _known:
        check_key("metric", key)
    if type(value) is not float:
        value = number(key, value)
    if type(step) is not int and step is not None:
        step = check_step(step)
    goal.point(key, value, step, time.time_ns() // 1_000_000 if timestamp is None else check_step(timestamp))
    if synchronous:
        _flush()


def log_metrics(
    metrics: Mapping[str, SupportsFloat],
    step: int | None = None,
    *,
    timestamp: int | None = None,
    run_id: str | None = None,
    synchronous: bool | None = None,
) -> None:
    """Logs one point of several metrics at the same step, all or none; see log_metric."""
    goal = target() if run_id is None else of_run(run_id)
    at = time.time_ns() // 1_000_000 if timestamp is None else check_step(timestamp)
    if step is not None:
        step = check_step(step)
    points = [(check_key("metric", key), number(key, value)) for key, value in metrics.items()]
    for key, value in points:
        goal.point(key, value, step, at)
    if synchronous:
        _flush()


def log_param(key: str, value: Any, *, run_id: str | None = None, synchronous: bool | None = None) -> Any:
    """Logs a parameter: one value per key and run, kept as text of at most 6,000 characters. Returns the value."""
    log_params({key: value}, run_id=run_id, synchronous=synchronous)
    return value


def log_params(params: Mapping[str, Any], *, run_id: str | None = None, synchronous: bool | None = None) -> None:
    """Logs several parameters; see log_param."""
    _log_texts(texts("param", params), {}, run_id, synchronous)


def set_tag(key: str, value: Any, *, run_id: str | None = None, synchronous: bool | None = None) -> None:
    """Sets a tag of the run; a later value replaces an earlier one."""
    set_tags({key: value}, run_id=run_id, synchronous=synchronous)


def set_tags(tags: Mapping[str, Any], *, run_id: str | None = None, synchronous: bool | None = None) -> None:
    """Sets several tags; see set_tag."""
    _log_texts({}, texts("tag", tags), run_id, synchronous)


def of_run(run_id: str) -> "Target":
    """A run that is not the active one. Raises InvalidArgument."""
    from headwater.tracking.runs import run_of

    return run_of(run_id)


def texts(kind: str, values: Mapping[str, Any]) -> dict[str, str]:
    """Params or tags as checked text. Raises InvalidArgument."""
    return {check_key(kind, key): check_text(kind, key, value) for key, value in values.items()}


def number(key: str, value: Any) -> float:
    """Raises InvalidArgument."""
    try:
        return float(value.item() if hasattr(value, "item") else value)
    except (TypeError, ValueError, OverflowError):
        kind = type(value).__name__
        raise InvalidArgument(f"metric {key!r} got {value!r} ({kind}), which is not a number", field="value") from None


def check_key(kind: str, key: Any) -> str:
    if not isinstance(key, str) or not key.strip() or len(key) > MAX_KEY or not key.isprintable():
        raise InvalidArgument(f"{kind} key {key!r} must be text of 1 to {MAX_KEY} characters on one line", field="key")
    if len(_known) > _KNOWN_KEYS:
        _known.clear()
    _known.add(key)
    return key


def check_text(kind: str, key: str, value: Any) -> str:
    text, most = value if isinstance(value, str) else str(value), MAX_PARAM if kind == "param" else MAX_TAG
    if len(text) > most:
        raise InvalidArgument(
            f"{kind} {key!r} is {len(text)} characters long, at most {most} are kept",
            field="value",
            hint="store it as an artifact: self.name = value in a step, log_text() anywhere",
        )
    if "\0" in text:
        raise InvalidArgument(f"{kind} {key!r} holds a NUL character", field="value", hint="remove it")
    return text


def _log_texts(params: dict[str, str], tags: dict[str, str], run_id: str | None, synchronous: bool | None) -> None:
    (target() if run_id is None else of_run(run_id)).texts(params, tags)
    if synchronous:
        _flush()


def _flush() -> None:
    from headwater.tracking.runs import flush

    flush()
