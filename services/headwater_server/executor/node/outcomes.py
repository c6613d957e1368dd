"""From the end of a process to the outcome of its task, in words a user can act on. Pure."""

import os
import signal
from typing import Any

_MEMORY = "Often the machine was short of memory: use less, e.g. smaller batches, or a pool with larger workers."
_HINTS: dict[int, str] = {
    signal.SIGKILL: f"Something outside of the task killed it. {_MEMORY}",
    signal.SIGSEGV: "A native library crashed. Versions that do not fit together are the usual cause; set "
    "PYTHONFAULTHANDLER=1 to see where.",
    signal.SIGBUS: "A native library crashed, or a mapped file was cut short or its disk is full.",
    signal.SIGABRT: "A native library gave up; its last words are in the log.",
    signal.SIGILL: "A native library was built for another CPU.",
    signal.SIGTERM: "Something asked the task's process to end.",
}

OUT_OF_MEMORY_HINT = "Use less memory, e.g. smaller batches, or a pool with larger workers."
TIMEOUT_HINT = (
    "Raise the limit in @timeout, or make the step faster. It did not react to the limit: it was busy in native code."
)


def failure(code: str, message: str, *, hint: str = "", traceback: str = "", retryable: bool = True) -> dict[str, Any]:
    """headwater.api.common.v1.Failure in JSON."""
    return {"code": code, "message": message, "hint": hint, "traceback": traceback, "retryable": retryable}


def over_limit(step: str, limit_mb: int, peak_mb: int) -> dict[str, Any]:
    """The failure of a step that was killed for more memory than it may have."""
    peak = f" (it had {peak_mb} MB)" if peak_mb else ""
    hint = f"Raise it, e.g. @resources(memory={2 * limit_mb}), or use less, e.g. smaller batches."
    return failure("OUT_OF_MEMORY", f"step {step} was killed by its memory limit of {limit_mb} MB{peak}", hint=hint)


def no_memory(step: str) -> dict[str, Any]:
    return failure("OUT_OF_MEMORY", f"step {step} was killed: the machine ran out of memory", hint=OUT_OF_MEMORY_HINT)


def no_devices(step: str, problem: str) -> dict[str, Any]:
    return failure("KILLED", f"step {step}: {problem}", hint="The worker was started anew with fewer: --gpus.")


def of_death(
    step: str, status: int | None, *, timed_out: float = 0.0, out_of_memory: bool = False, remark: str = ""
) -> dict[str, Any]:
    """The failure of a process that ended without a result. status as of waitpid(), None when nobody knows it;
    timed_out: the limit in seconds for which we killed it; remark: to add to what may have been the reason."""
    if timed_out:
        return failure("TIMEOUT", f"step {step} took longer than its @timeout of {timed_out:g} s", hint=TIMEOUT_HINT)
    if status is None:
        return failure("KILLED", f"the process of step {step} vanished", hint=f"Its parent was killed. {_MEMORY}")
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return _exited(step, code)
    if -code == signal.SIGKILL and out_of_memory:
        return no_memory(step)
    hint = f"{_HINTS.get(-code, '')} {remark}".strip()
    return failure("KILLED", f"step {step} was killed by {signal_name(-code)}", hint=hint)


def _exited(step: str, code: int) -> dict[str, Any]:
    return failure(
        "EXITED",
        f"the process of step {step} ended with exit status {code} before the step was done",
        hint="Something called os._exit(), in this process or in a library; raise an exception instead.",
    )


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def import_death(entrypoint: str, status: int | None) -> dict[str, Any]:
    """The failure of every task whose module could not be imported because the process died over it."""
    how = "died"
    if status is not None:
        code = os.waitstatus_to_exitcode(status)
        how = f"was killed by {signal_name(-code)}" if code < 0 else f"ended with exit status {code}"
    return failure("CODE_PACKAGE", f"the process that imports {entrypoint} {how}", hint="See the log of the worker.")


def of_result(message: dict[str, Any]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """(success, failure) of a child's result frame, one of them empty. A frame that is not ours is a failure."""
    given = message.get("failure")
    if isinstance(given, dict):
        return None, {name: given[name] for name in _FAILURE_FIELDS if name in given}
    manifest, next_, width = message.get("manifest"), message.get("next", []), message.get("foreachWidth", 0)
    if not isinstance(manifest, str) or not isinstance(next_, list) or not isinstance(width, int):
        return None, failure("KILLED", "the task's process did not speak the worker's language", retryable=False)
    return {"manifest": manifest, "next": [str(name) for name in next_], "width": width}, {}


_FAILURE_FIELDS = ("code", "message", "traceback", "hint", "retryable", "exceptionType")
