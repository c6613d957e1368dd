"""Spans by OpenTelemetry's own protocol (OTLP/HTTP): POST /v1/traces, as MLflow's clients and any other exporter send
them, in protobuf or JSON, compressed or not.

An experiment is named by the header x-mlflow-experiment-id; x-mlflow-run-id links what has ended to a run.
"""

import zlib
from collections.abc import Iterator
from typing import Any

import msgspec
from google.rpc.status_pb2 import Status
from starlette.responses import Response

from headwater_server.gateway.mlflow.calls import OfTracking
from headwater_server.gateway.mlflow.endpoints import Endpoint
from headwater_server.gateway.mlflow.errors import refuse
from headwater_server.gateway.request import HttpError, Request, answer, headers_of
from headwater_server.kit.errors import TABLE, InvalidArgument, ServiceError
from headwater_server.kit.service import ServiceKit

PATH = "/v1/traces"
EXPERIMENT, RUN = "x-mlflow-experiment-id", "x-mlflow-run-id"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
MAX_BODY = 32 << 20
_CLIENT = "mlflow-python-client/"


class Otlp:
    def __init__(self, kit: ServiceKit[Any]) -> None:
        self._call = OfTracking(kit)

    def endpoints(self) -> Iterator[Endpoint]:
        yield Endpoint("POST", PATH, "experiments:log", self._export, version="")

    async def _export(self, request: Request, body: dict[str, Any]) -> Response:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            await self._store(request, media)
        except ServiceError as error:
            return _refused(error, request, media)
        return answer(b"{}") if media == JSON else answer(b"", media=PROTOBUF)

    async def _store(self, request: Request, media: str) -> None:
        # What protobuf's Python code needs is loaded by the first who asks.
        from headwater_server.gateway.mlflow.otlp_spans import read_request, spans_of

        if media not in (PROTOBUF, JSON):
            raise InvalidArgument(
                f"Invalid Content-Type: {media or None}. Expected: {PROTOBUF} or {JSON}", field="Content-Type"
            )
        experiment = request.headers.get(EXPERIMENT, "")
        if not experiment:
            raise InvalidArgument(f"the header {EXPERIMENT} is missing", field=EXPERIMENT, hint=f"e.g. {EXPERIMENT}: 0")
        raw = decompressed(await request.body(binary=True), request.headers.get("content-encoding", ""))
        spans, resources = spans_of(read_request(raw, as_json=media == JSON))
        if spans:
            asked = {"experiment_id": experiment, "spans": spans, "resources": resources}
            await self._call(request, "Log", "traces/log-spans", asked | {"run_id": request.headers.get(RUN, "")})


def decompressed(body: bytes, encoding: str) -> bytes:
    """Raises InvalidArgument, or HttpError 413 for what would be too large."""
    match encoding.strip().lower():
        case "" | "identity":
            plain = body
        case "gzip":
            plain = _inflated(body, "gzip", (16 + zlib.MAX_WBITS,))
        case "deflate":
            plain = _inflated(body, "deflate", (zlib.MAX_WBITS, -zlib.MAX_WBITS))
        case other:
            raise InvalidArgument(f"Unsupported Content-Encoding: {other}", field="Content-Encoding")
    if len(plain) > MAX_BODY:
        raise HttpError(413, f"the body is larger than {MAX_BODY >> 20} MB", field="body", reason="BODY_SIZE")
    return plain


def _inflated(body: bytes, encoding: str, windows: tuple[int, ...]) -> bytes:
    for window in windows:
        stream = zlib.decompressobj(window)
        try:
            plain = stream.decompress(body, MAX_BODY + 1)
        except zlib.error:
            continue
        if stream.eof or len(plain) > MAX_BODY:
            return plain
    raise InvalidArgument(f"Failed to decompress {encoding} payload", field="body")


def _refused(error: ServiceError, request: Request, media: str) -> Response:
    """MLflow's clients read MLflow's errors, all others google.rpc.Status in what they speak themselves."""
    if media not in (PROTOBUF, JSON) or request.headers.get("user-agent", "").startswith(_CLIENT):
        return refuse(error)
    known = TABLE[error.code]
    status = error.status if isinstance(error, HttpError) else known.http
    message = f"{error.message} ({error.hint})" if error.hint else error.message
    if media == JSON:
        body = msgspec.json.encode({"code": known.grpc, "message": message})
    else:
        body = Status(code=known.grpc, message=message).SerializeToString()
    return answer(body, status=status, media=media, headers=headers_of(error, status))
