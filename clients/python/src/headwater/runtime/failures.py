"""Why a step failed, in the form of headwater.api.common.v1.Failure, and what @catch leaves in its variable."""

import os
import traceback
from typing import Any

from headwater.flow.choices import chosen

_HERE = os.path.dirname(os.path.abspath(__file__))
_MAX_TEXT = 16 * 1024


class CommandFailed(Exception):
    """The command of an @command step ended with a status other than 0."""

    def __init__(self, status: int) -> None:
        self.status = status
        how = f"was killed by signal {-status}" if status < 0 else f"ended with exit status {status}"
        super().__init__(f"the command {how}")


class CaughtFailure(Exception):
    """What @catch(var=…) stores: the failure of the last attempt.

    Attributes: code ("USER_ERROR", "TIMEOUT", …), type ("ValueError"), message, traceback (text), and `exception`,
    the original one where it could be stored, else None.
    """

    def __init__(
        self, code: str, type: str, message: str, traceback: str = "", exception: "BaseException | None" = None
    ) -> None:
        super().__init__(code, type, message, traceback, exception)
        self.code = code
        self.type = type
        self.message = message
        self.traceback = traceback
        self.exception = exception

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.type else self.message

    @classmethod
    def from_failure(cls, failure: dict[str, Any], exception: "BaseException | None" = None) -> "CaughtFailure":
        return cls(
            failure.get("code", ""),
            failure.get("exceptionType", ""),
            failure.get("message", ""),
            failure.get("traceback", ""),
            exception,
        )


def caught(failure: dict[str, Any], exception: "BaseException | None") -> CaughtFailure:
    """What @catch stores; in flows written for Metaflow it has the attributes they expect."""
    if not chosen.metaflow:
        return CaughtFailure.from_failure(failure, exception)
    from headwater.compat.metaflow.exceptions import MetaflowExceptionWrapper

    return MetaflowExceptionWrapper.from_failure(failure, exception)


def describe(error: BaseException, step: str) -> dict[str, Any]:
    """The Failure of an exception that left the user's code."""
    from headwater.errors import ArtifactError, StepTimeout

    code, hint, retryable = "USER_ERROR", "", True
    if isinstance(error, StepTimeout):
        code, hint = "TIMEOUT", "Raise the limit in @timeout, or make the step faster."
    elif isinstance(error, MemoryError):
        code, hint = "OUT_OF_MEMORY", "Use less memory, e.g. smaller batches, or a pool with larger workers."
    elif isinstance(error, (SystemExit, CommandFailed)):
        code = "EXITED"
    elif isinstance(error, ArtifactError):
        hint = getattr(error, "hint", "") or ""
        retryable = not isinstance(error.__cause__, TypeError)
    return {
        "code": code,
        "message": _message(error, step),
        "traceback": user_traceback(error),
        "hint": hint,
        "retryable": retryable,
        "exceptionType": _type_name(type(error)),
    }


def describe_import(error: BaseException, entrypoint: str) -> dict[str, Any]:
    """The Failure of every task of a flow file that cannot be imported."""
    from headwater.errors import FlowError

    failure = describe(error, "")
    if isinstance(error, FlowError):
        failure["code"] = "CODE_PACKAGE"
    if isinstance(error, SystemExit):
        failure["message"] = f"{entrypoint} called sys.exit({error.code!r}) while it was imported"
        failure["hint"] = 'Put what is to run only as a script below `if __name__ == "__main__":`.'
    if isinstance(error, ImportError):
        failure["hint"] = "The worker's Python lacks it: install it there."
    failure["retryable"] = not isinstance(error, (SyntaxError, ImportError, FlowError, SystemExit))
    return failure


def _message(error: BaseException, step: str) -> str:
    if isinstance(error, SystemExit):
        return f"step {step} called sys.exit({error.code!r})"
    return (str(error) or type(error).__name__)[:_MAX_TEXT]


def _type_name(cls: type) -> str:
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def user_traceback(error: BaseException) -> str:
    """The traceback without the frames of the runtime that lead to the user's code."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None and frame.tb_frame.f_code.co_filename.startswith(_HERE):
        frame = frame.tb_next
    text = "".join(traceback.format_exception(type(error), error, frame))
    return text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT // 2]}\n… cut …\n{text[-_MAX_TEXT // 2 :]}"
