"""A stand-in for a service that a test needs as a peer: its proto over gRPC, with the methods that the test gives."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from headwater_server.kit import grpc_server, rpc
from headwater_server.kit.errors import Internal
from headwater_server.kit.identity import Authenticator
from headwater_server.kit.telemetry import Tracer
from tests.harness.fixtures import INTERNAL_KEY


class Servicer:
    """Base of a partial servicer: what it does not define answers that."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        async def missing(request: Any, call: rpc.Call) -> Any:
            raise Internal(f"this test gives no {name}")

        return missing


class _NoPeers:
    def client(self, service: str) -> Any:
        raise Internal("a stand-in knows service tokens only")


@asynccontextmanager
async def stand_in(service: str, servicer: Servicer) -> AsyncIterator[str]:
    """Serves it; gives host:port."""
    server = grpc.aio.server()
    described = grpc_server.descriptor(service)
    wrapper = grpc_server.GrpcHandlers(service, Authenticator(INTERNAL_KEY, _NoPeers()), Tracer(service))
    table = rpc.handler_table(described, servicer)
    methods = {m.name: wrapper.wrap(m) for m in table.values()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(described.full_name, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)
