"""A request that was let in, and the ways to answer it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.responses import Response

from headwater_server.gateway.rest.reading import json_object
from headwater_server.kit.auth import Identity
from headwater_server.kit.errors import TABLE, InvalidArgument, ServiceError

MAX_BODY = 64 << 20
PROTOBUF = ("application/x-protobuf", "application/protobuf")
Receive = Callable[[], Awaitable[dict[str, Any]]]
_SAFETY = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class HttpError(ServiceError):
    """A refusal that only HTTP knows."""

    code = "INVALID_ARGUMENT"

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(message, **more)
        self.status, self.headers = status, headers or {}


@dataclass
class Request:
    identity: Identity
    path: dict[str, str]
    query: bytes
    headers: dict[str, str]
    traceparent: str
    receive: Receive = field(repr=False)

    @property
    def is_protobuf(self) -> bool:
        return self._media in PROTOBUF

    async def body(self, *, binary: bool = False) -> bytes:
        """The raw body, which must be JSON by its own words, or with `binary` protobuf. Raises InvalidArgument, or
        HttpError 413."""
        length = self.headers.get("content-length", "")
        if length.isdigit() and int(length) > MAX_BODY:
            raise _too_large()
        chunks: list[bytes] = []
        size, more = 0, True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise InvalidArgument("the body ended early", field="body")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > MAX_BODY:
                raise _too_large()
            chunks.append(chunk)
            more = message.get("more_body", False)
        if size:
            self._refuse_other_types(binary)
        return b"".join(chunks)

    async def json(self) -> dict[str, Any]:
        return json_object(await self.body())

    @property
    def _media(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def _refuse_other_types(self, binary: bool) -> None:
        said = self._media
        if binary and said in PROTOBUF:
            return
        if said != "application/json" and not (said.startswith("application/") and said.endswith("+json")):
            raise InvalidArgument(
                f"Content-Type is {said or 'not set'!r}, this server reads JSON",
                field="Content-Type",
                hint="send `Content-Type: application/json`",
            )


def _too_large() -> HttpError:
    return HttpError(
        413,
        f"the body is larger than {MAX_BODY >> 20} MB",
        {"connection": "close"},
        field="body",
        hint="upload large data as a blob",
        reason="BODY_SIZE",
    )


def answer(
    body: bytes, *, status: int = 200, media: str = "application/json", headers: dict[str, str] | None = None
) -> Response:
    return Response(body, status, _SAFETY | (headers or {}), media)


def answer_json(value: Any, status: int = 200) -> Response:
    return answer(msgspec.json.encode(value), status=status)


def answer_error(error: ServiceError) -> Response:
    status = error.status if isinstance(error, HttpError) else TABLE[error.code].http
    return answer(msgspec.json.encode(error.as_json()), status=status, headers=headers_of(error, status))


def headers_of(error: ServiceError, status: int) -> dict[str, str]:
    if isinstance(error, HttpError):
        return error.headers
    if status == 401:
        return {"www-authenticate": 'Bearer realm="headwater"'}
    return {"retry-after": "1"} if status in (429, 503) else {}
