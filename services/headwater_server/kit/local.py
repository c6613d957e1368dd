"""Calls between services of one process: straight through the handler table, with the checks, spans and errors of gRPC
but without its socket."""

import asyncio
import time
from typing import Any

import structlog
from google.protobuf.message import Message

from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.errors import DeadlineExceeded, ServiceError
from headwater_server.kit.rpc import Call, Method, as_service_error
from headwater_server.kit.telemetry import REQUESTS, Tracer

log = structlog.get_logger("kit.local")


class LocalClient:
    """The same calls as grpc_server.Client has: `await client.GetRun(request, on_behalf=…)`."""

    def __init__(self, caller: str, service: str, methods: dict[str, Method], tracer: Tracer) -> None:
        self._caller = Identity(Actor("service", caller), "service")
        self._service, self._tracer = service, tracer
        self._methods = {method.name: method for method in methods.values()}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._methods:
            raise AttributeError(name)
        method = self._methods[name]

        async def call(
            request: Message, *, timeout: float = 10.0, on_behalf: Identity | None = None, traceparent: str = ""
        ) -> Any:
            start, code = time.perf_counter(), "OK"
            try:
                with self._tracer.span(method.full_name[1:], traceparent, kind="server") as span:
                    async with asyncio.timeout(timeout):
                        return await method.unary(request, Call(on_behalf or self._caller, span.traceparent))
            except TimeoutError:
                code = "DEADLINE_EXCEEDED"
                raise DeadlineExceeded(f"{self._service} did not answer {name} within {timeout:g} s") from None
            except Exception as error:
                if not isinstance(error, ServiceError):
                    log.exception("rpc failed", method=method.full_name)
                known = as_service_error(error)
                code = known.code
                raise known from None
            finally:
                REQUESTS.labels(self._service, name, code).observe(time.perf_counter() - start)

        setattr(self, name, call)
        return call
