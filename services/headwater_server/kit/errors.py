"""The one tree of errors of the servers, and the one table that maps it to gRPC, HTTP and MLflow's JSON.

ServiceError
  InvalidArgument  Unauthenticated  PermissionDenied  NotFound  AlreadyExists  FailedPrecondition
  Aborted  ResourceExhausted  Unavailable  DeadlineExceeded  DataLoss  Internal
"""

from typing import Any, NamedTuple


class Mapping(NamedTuple):
    grpc: int
    http: int
    mlflow: str


TABLE: dict[str, Mapping] = {
    "INVALID_ARGUMENT": Mapping(3, 400, "INVALID_PARAMETER_VALUE"),
    "UNAUTHENTICATED": Mapping(16, 401, "UNAUTHENTICATED"),
    "PERMISSION_DENIED": Mapping(7, 403, "PERMISSION_DENIED"),
    "NOT_FOUND": Mapping(5, 404, "RESOURCE_DOES_NOT_EXIST"),
    "ALREADY_EXISTS": Mapping(6, 409, "RESOURCE_ALREADY_EXISTS"),
    "FAILED_PRECONDITION": Mapping(9, 412, "INVALID_STATE"),
    "ABORTED": Mapping(10, 409, "RESOURCE_CONFLICT"),
    "RESOURCE_EXHAUSTED": Mapping(8, 429, "RESOURCE_LIMIT_EXCEEDED"),
    "UNAVAILABLE": Mapping(14, 503, "TEMPORARILY_UNAVAILABLE"),
    "DEADLINE_EXCEEDED": Mapping(4, 504, "TEMPORARILY_UNAVAILABLE"),
    "DATA_LOSS": Mapping(15, 500, "DATA_LOSS"),
    "INTERNAL": Mapping(13, 500, "INTERNAL_ERROR"),
}


class ServiceError(Exception):
    """A refusal or failure that the caller is told about: what is wrong, with which field, and what to do."""

    code = "INTERNAL"

    def __init__(self, message: str, *, field: str = "", hint: str = "", reason: str = "", **metadata: Any) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.hint = hint
        self.reason = reason
        self.metadata = {key: str(value) for key, value in metadata.items()}

    def as_json(self) -> dict[str, Any]:
        """The body of an HTTP answer or a bus reply: {"error": {code, message[, field, hint, reason, metadata]}}."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        for name in ("field", "hint", "reason", "metadata"):
            if value := getattr(self, name):
                body[name] = value
        return {"error": body}


class InvalidArgument(ServiceError):
    code = "INVALID_ARGUMENT"


class Unauthenticated(ServiceError):
    code = "UNAUTHENTICATED"


class PermissionDenied(ServiceError):
    code = "PERMISSION_DENIED"


class NotFound(ServiceError):
    code = "NOT_FOUND"


class AlreadyExists(ServiceError):
    code = "ALREADY_EXISTS"


class FailedPrecondition(ServiceError):
    code = "FAILED_PRECONDITION"


class Aborted(ServiceError):
    code = "ABORTED"


class ResourceExhausted(ServiceError):
    code = "RESOURCE_EXHAUSTED"


class Unavailable(ServiceError):
    code = "UNAVAILABLE"


class DeadlineExceeded(ServiceError):
    code = "DEADLINE_EXCEEDED"


class DataLoss(ServiceError):
    code = "DATA_LOSS"


class Internal(ServiceError):
    code = "INTERNAL"


BY_CODE: dict[str, type[ServiceError]] = {cls.code: cls for cls in ServiceError.__subclasses__()}
BY_GRPC: dict[int, type[ServiceError]] = {TABLE[code].grpc: cls for code, cls in BY_CODE.items()}


def from_json(body: dict[str, Any]) -> ServiceError:
    """The error that as_json() described."""
    error = body.get("error") or {}
    cls = BY_CODE.get(str(error.get("code", "")), Internal)
    result = cls(
        str(error.get("message", "unknown error")),
        field=error.get("field", ""),
        hint=error.get("hint", ""),
        reason=error.get("reason", ""),
    )
    result.metadata = error.get("metadata", {})
    return result
