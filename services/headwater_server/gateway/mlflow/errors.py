"""MLflow's errors: {"error_code", "message"} and the status that its clients expect with each code. Pure."""

from typing import Any

import msgspec
from starlette.responses import Response

from headwater_server.gateway.request import HttpError, answer, headers_of
from headwater_server.kit.errors import TABLE, ServiceError

STATUS = {
    "INTERNAL_ERROR": 500,
    "INVALID_STATE": 500,
    "DATA_LOSS": 500,
    "NOT_IMPLEMENTED": 501,
    "TEMPORARILY_UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
    "REQUEST_LIMIT_EXCEEDED": 429,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "ABORTED": 409,
    "RESOURCE_CONFLICT": 409,
    "ALREADY_EXISTS": 409,
    "NOT_FOUND": 404,
    "ENDPOINT_NOT_FOUND": 404,
    "RESOURCE_DOES_NOT_EXIST": 404,
    "PERMISSION_DENIED": 403,
    "CUSTOMER_UNAUTHORIZED": 401,
    "UNAUTHENTICATED": 401,
    "BAD_REQUEST": 400,
    "RESOURCE_ALREADY_EXISTS": 400,
    "INVALID_PARAMETER_VALUE": 400,
}


class MlflowError(ServiceError):
    """A refusal in MLflow's own words."""

    code = "INVALID_ARGUMENT"

    def __init__(self, message: str, error_code: str = "INVALID_PARAMETER_VALUE", **more: Any) -> None:
        super().__init__(message, **more)
        self.error_code = error_code


def error_code_of(error: ServiceError) -> str:
    if isinstance(error, MlflowError):
        return error.error_code
    # A service that answers for MLflow may name the code itself, where ours would map to another.
    own = error.reason in STATUS and error.reason != error.code  # over gRPC a reason is never empty
    return error.reason if own else TABLE[error.code].mlflow


def refuse(error: ServiceError) -> Response:
    """Any error as MLflow's clients read it."""
    code = error_code_of(error)
    status = error.status if isinstance(error, HttpError) else STATUS.get(code, 500)
    message = f"{error.message} {error.hint}" if error.hint else error.message
    body = {"error_code": code, "message": message}
    return answer(msgspec.json.encode(body), status=status, headers=headers_of(error, status))
