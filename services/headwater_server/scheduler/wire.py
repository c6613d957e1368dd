"""The verbs of a worker as JSON: what comes in, checked, and what goes out. The same structures serve gRPC. Pure."""

import base64
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from headwater_server.kit.errors import InvalidArgument

MAX_RESULT = 64 * 1024


# What the worker says about a failure ends in an event, which has a limit of its own.
MAX_TEXT = 8 * 1024
MAX_TRACEBACK = 64 * 1024

Number = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class Key(msgspec.Struct, rename="camel"):
    run_id: str
    step: str
    path: str = ""
    index: Number = 0


class Failure(msgspec.Struct, rename="camel", omit_defaults=True):
    code: str = ""
    message: str = ""
    traceback: str = ""
    hint: str = ""
    retryable: bool = False
    exception_type: str = ""

    def body(self) -> dict[str, Any]:
        """As it is stored and told: texts cut where they are endless, without the NULs that Postgres cannot store."""
        body = msgspec.to_builtins(self) | {"code": self.code or "USER_ERROR"}
        kept = {name: value.replace("\0", "\ufffd") for name, value in body.items() if isinstance(value, str)}
        cut = {name: value[:MAX_TEXT] for name, value in kept.items()}
        if self.traceback:
            cut["traceback"] = kept["traceback"][-MAX_TRACEBACK:]
        return body | cut


class Success(msgspec.Struct, rename="camel"):
    result: str = ""
    foreach_width: int = 0
    next: list[str] = []

    def manifest(self) -> bytes:
        """Raises InvalidArgument."""
        try:
            data = base64.b64decode(self.result, validate=True)
        except ValueError:
            raise InvalidArgument("success.result is not base64", field="success.result") from None
        if len(data) > MAX_RESULT:
            message = f"success.result: {len(data)} bytes are more than {MAX_RESULT}"
            raise InvalidArgument(message, field="success.result", hint="Store it as a blob, and send a reference.")
        return data


class Complete(msgspec.Struct, rename="camel"):
    key: Key
    attempt: Number
    session_id: str = ""
    success: Success | None = None
    failure: Failure | None = None
    started_at: datetime | None = None
    want_next: bool = False
    traceparent: str = ""
    want_more: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0


class Held(msgspec.Struct, rename="camel"):
    key: Key
    attempt: Number = 0


class CompleteMany(msgspec.Struct, rename="camel"):
    session_id: str = ""
    completions: list[Complete] = []
    unbegun: list[Held] = []


class Claim(msgspec.Struct, rename="camel"):
    key: Key
    attempt: Number
    session_id: str


class Results(msgspec.Struct, rename="camel"):
    key: Key
    offset: Number = 0
    limit: Number = 0


T = TypeVar("T")


def decode(payload: bytes, kind: type[T]) -> T:
    """Raises InvalidArgument that says what is wrong where."""
    try:
        return msgspec.json.decode(payload, type=kind, strict=False)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"not a {kind.__name__}: {error}") from None


def convert(body: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(body, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"not a {kind.__name__}: {error}") from None
