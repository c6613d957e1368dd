"""The one tree of errors that the SDK raises: each code of the servers' error table is a class here.

HeadwaterError
  FlowError                     a flow that cannot be: its graph, its decorators, what a step did
  ArtifactError                 a value that cannot be stored or read
  StepTimeout                   @timeout is over
  ServerError                   the server's answer, or that there is none
    InvalidArgument  Unauthenticated  PermissionDenied  NotFound  AlreadyExists  FailedPrecondition
    Aborted  ResourceExhausted  Unavailable  DeadlineExceeded  DataLoss  Internal
      NotReachable (an Unavailable)  nothing answers at the server's address
      NamespaceMismatch (a NotFound)  it is there, but not in the namespace in use
"""

from typing import Any, cast


class HeadwaterError(Exception):
    """`message` says what is wrong, `hint` what to do about it ("" when the message already does)."""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        if not self.hint:
            return self.message
        if self.message.endswith("\n"):
            return f"{self.message}Fix: {self.hint}"
        return f"{self.message.rstrip('.')}{'' if self.message.endswith('?') else '.'} Fix: {self.hint}"


class FlowError(HeadwaterError):
    """A flow that cannot be run as it is written, or a step that did what its flow does not allow."""


class ArtifactError(HeadwaterError):
    """A value that cannot be stored or read: artifact `name` of `step`; `path` leads to the culprit inside of it."""

    def __init__(self, message: str, *, name: str = "", step: str = "", path: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.name = name
        self.step = step
        self.path = path


class StepTimeout(HeadwaterError):
    """The step ran longer than its @timeout."""


class ServerError(HeadwaterError):
    """What a server refused or could not do.

    code: "NOT_FOUND", …; field: what is wrong in the request; reason: a stable word for programs; status: of HTTP.
    """

    code = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        field: str = "",
        hint: str = "",
        reason: str = "",
        status: int = 0,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.field = field
        self.reason = reason
        self.status = status
        self.metadata = metadata or {}


class InvalidArgument(ServerError):
    code = "INVALID_ARGUMENT"


class Unauthenticated(ServerError):
    code = "UNAUTHENTICATED"


class PermissionDenied(ServerError):
    code = "PERMISSION_DENIED"


class NotFound(ServerError):
    code = "NOT_FOUND"


class NamespaceMismatch(NotFound):
    """A run that exists, but not in the namespace that is in use."""


class AlreadyExists(ServerError):
    code = "ALREADY_EXISTS"


class FailedPrecondition(ServerError):
    code = "FAILED_PRECONDITION"


class Aborted(ServerError):
    code = "ABORTED"


class ResourceExhausted(ServerError):
    code = "RESOURCE_EXHAUSTED"


class Unavailable(ServerError):
    code = "UNAVAILABLE"


class DeadlineExceeded(ServerError):
    code = "DEADLINE_EXCEEDED"


class DataLoss(ServerError):
    """Stored bytes are not what they were: a digest does not match."""

    code = "DATA_LOSS"


class Internal(ServerError):
    code = "INTERNAL"


class NotReachable(Unavailable):
    """Nothing answers at the address of the server, or no address is known."""


BY_CODE: dict[str, type[ServerError]] = {cls.code: cls for cls in ServerError.__subclasses__()}
_BY_STATUS: dict[int, type[ServerError]] = {
    400: InvalidArgument,
    401: Unauthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: AlreadyExists,
    412: FailedPrecondition,
    422: InvalidArgument,
    429: ResourceExhausted,
    502: Unavailable,
    503: Unavailable,
    504: DeadlineExceeded,
}


def of_code(code: str, message: str) -> ServerError:
    """The error of a code of the servers' table."""
    return BY_CODE.get(code, Internal)(message)


def from_response(status: int, body: Any) -> ServerError:
    """The error of an HTTP answer: {"error": {"code", "message", "field", "hint", "reason"}}, or a proxy's words."""
    fallback = _BY_STATUS.get(status, Internal)
    error: Any = cast("dict[str, Any]", body).get("error") if isinstance(body, dict) else None
    if isinstance(body, dict) and "error_code" in body:  # in the dialect of MLflow
        return fallback(str(cast("dict[str, Any]", body).get("message", "")), status=status)
    if not isinstance(error, dict):
        return fallback(f"the server answered with HTTP status {status}", status=status)
    said = cast("dict[str, Any]", error)
    return BY_CODE.get(str(said.get("code", "")), fallback)(
        str(said.get("message") or f"HTTP status {status}"),
        field=str(said.get("field", "")),
        hint=str(said.get("hint", "")),
        reason=str(said.get("reason", "")),
        status=status,
        metadata=said.get("metadata") or {},
    )
