"""gRPC: serves handler tables, calls other services, and carries errors in both directions."""

import time
from collections.abc import AsyncIterator
from importlib import import_module
from typing import Any

import grpc
import grpc.aio
import structlog
from google.protobuf import any_pb2
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2

from headwater_server.kit.auth import Identity, encode_identity
from headwater_server.kit.errors import BY_GRPC, TABLE, Internal, ServiceError
from headwater_server.kit.identity import Authenticator
from headwater_server.kit.rpc import Call, Method, as_service_error
from headwater_server.kit.telemetry import REQUESTS, Tracer

log = structlog.get_logger("kit.grpc")

SERVICES = {
    "scheduler": ("headwater.api.scheduler.v1.scheduler_pb2", "SchedulerService"),
    "executor": ("headwater.api.executor.v1.executor_pb2", "ExecutorService"),
    "tracking": ("headwater.api.tracking.v1.tracking_pb2", "TrackingService"),
    "artifact": ("headwater.api.artifact.v1.artifact_pb2", "ArtifactService"),
    "registry": ("headwater.api.registry.v1.registry_pb2", "RegistryService"),
    "gateway": ("headwater.api.gateway.v1.gateway_pb2", "TokenService"),
}
OPTIONS = [
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.max_send_message_length", 64 << 20),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    # A service that restarts is found at once: the default waits a second and more.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
]
_DETAILS = "grpc-status-details-bin"
_CODES = {code.value[0]: code for code in grpc.StatusCode}


def descriptor(service: str) -> ServiceDescriptor:
    module, name = SERVICES[service]
    return import_module(module).DESCRIPTOR.services_by_name[name]


class GrpcHandlers:
    """Wraps the methods of a handler table for a gRPC server."""

    def __init__(self, service: str, authenticator: Authenticator, tracer: Tracer) -> None:
        self._service, self._authenticator, self._tracer = service, authenticator, tracer

    def wrap(self, method: Method) -> grpc.RpcMethodHandler:
        make = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }[method.client_streaming, method.server_streaming]
        behaviour = self._stream(method) if method.server_streaming else self._unary(method)
        return make(behaviour, method.request.FromString, lambda m: m.SerializeToString())

    async def _call(self, context: grpc.aio.ServicerContext) -> Call:
        metadata = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        identity = await self._authenticator.identify(
            metadata.get("authorization", ""), metadata.get("hw-on-behalf", "")
        )
        return Call(identity, metadata.get("traceparent", ""))

    def _unary(self, method: Method) -> Any:
        async def handle(request: Message, context: grpc.aio.ServicerContext) -> Message:
            start, code = time.perf_counter(), "OK"
            try:
                call = await self._call(context)
                with self._tracer.span(method.full_name[1:], call.traceparent, kind="server") as span:
                    return await method.unary(request, Call(call.identity, span.traceparent))
            except Exception as error:
                code = await _abort(context, error, method)
                raise AssertionError("abort raises") from error
            finally:
                REQUESTS.labels(self._service, method.name, code).observe(time.perf_counter() - start)

        return handle

    def _stream(self, method: Method) -> Any:
        async def handle(request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Message]:
            try:
                call = await self._call(context)
                async for item in method.stream(request, call):
                    yield item
            except Exception as error:
                await _abort(context, error, method)

        return handle


async def _abort(context: grpc.aio.ServicerContext, error: Exception, method: Method) -> str:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if not isinstance(error, ServiceError):
        log.exception("rpc failed", method=method.full_name)
    known = as_service_error(error)
    number = TABLE[known.code].grpc
    info = error_details_pb2.ErrorInfo(reason=known.reason or known.code, domain="headwater", metadata=_metadata(known))
    packed = any_pb2.Any()
    packed.Pack(info)
    status = status_pb2.Status(code=number, message=known.message, details=[packed])
    await context.abort(_CODES[number], known.message, ((_DETAILS, status.SerializeToString()),))
    return known.code


def _metadata(error: ServiceError) -> dict[str, str]:
    return error.metadata | {name: value for name in ("field", "hint") if (value := getattr(error, name))}


def from_grpc(error: grpc.aio.AioRpcError) -> ServiceError:
    """The error that a server raised, rebuilt from its status and ErrorInfo."""
    cls = BY_GRPC.get(error.code().value[0], Internal)
    info = error_details_pb2.ErrorInfo()
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS:
            for detail in status_pb2.Status.FromString(value).details:  # type: ignore[arg-type]
                detail.Unpack(info)
    metadata = dict(info.metadata)
    result = cls(
        error.details() or cls.code, field=metadata.pop("field", ""), hint=metadata.pop("hint", ""), reason=info.reason
    )
    result.metadata = metadata
    return result


class Client:
    """Calls one service: `await client.StartRun(request)`; raises the ServiceError that the server raised."""

    def __init__(self, channel: grpc.aio.Channel, service: ServiceDescriptor, token: str) -> None:
        self._channel, self._service = channel, service
        self._metadata = (("authorization", f"Bearer {token}"),)
        self._methods: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._methods:
            self._methods[name] = self._make(name)
        return self._methods[name]

    def _make(self, name: str) -> Any:
        declared = self._service.methods_by_name[name]
        stub = self._channel.unary_unary(
            f"/{self._service.full_name}/{name}",
            request_serializer=lambda m: m.SerializeToString(),  # type: ignore[attr-defined]
            response_deserializer=GetMessageClass(declared.output_type).FromString,
        )

        async def call(
            request: Message, *, timeout: float = 10.0, on_behalf: Identity | None = None, traceparent: str = ""
        ) -> Any:
            metadata = self._metadata
            if on_behalf is not None:
                metadata = (*metadata, ("hw-on-behalf", encode_identity(on_behalf)))
            if traceparent:
                metadata = (*metadata, ("traceparent", traceparent))
            try:
                return await stub(request, timeout=timeout, metadata=metadata, wait_for_ready=True)
            except grpc.aio.AioRpcError as error:
                raise from_grpc(error) from None

        return call
