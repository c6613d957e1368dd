"""Runs services: builds each from its app.py, serves all of a process on one gRPC address, keeps their loops alive,
and stops them in order. One process may hold one service or all."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any, Generic, TypeVar

import structlog
from google.protobuf.descriptor import ServiceDescriptor

from headwater_server.kit import commands, logs, migrate, rpc
from headwater_server.kit.auth import service_token
from headwater_server.kit.bus import Bus, Subscription
from headwater_server.kit.database import Database
from headwater_server.kit.errors import InvalidArgument, ServiceError
from headwater_server.kit.outbox import Outbox
from headwater_server.kit.settings import ServiceSettings, load
from headwater_server.kit.telemetry import Tracer

S = TypeVar("S", bound=ServiceSettings)
log = structlog.get_logger("kit.service")


class ServiceKit(Generic[S]):
    """What a service is built from, and where it leaves its handlers and loops."""

    def __init__(self, name: str, settings: S, database: Database, bus: Bus, tracer: Tracer) -> None:
        from headwater_server.kit.identity import Authenticator

        self.name, self.settings, self.database, self.bus, self.tracer = name, settings, database, bus, tracer
        self.outbox = Outbox(database, bus, name)
        self.log = structlog.get_logger(name)
        self.authenticator = Authenticator(settings.internal_key.get_secret_value(), self)
        self.tables: dict[str, tuple[ServiceDescriptor, dict[str, rpc.Method]]] = {}
        # The services that run in this process, and may be called without a socket.
        self.beside: dict[str, ServiceKit[Any]] = {}
        self._channels: dict[str, Any] = {}
        self._clients: dict[str, Any] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._stops: list[Callable[[], Awaitable[None]]] = []
        self._subscriptions: list[Subscription] = []
        self.on_stop(self.outbox.flush)
        for loop in (self.outbox.publish_loop, self.outbox.clean_loop, self.outbox.relay_loop):
            self.loop(f"outbox.{loop.__name__}", loop)

    def serve(self, service: ServiceDescriptor, servicer: object) -> None:
        """Serves a proto service over gRPC, and its commands over the bus."""
        self.tables[service.full_name] = (service, rpc.handler_table(service, servicer))

    def loop(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Runs work() for as long as the service lives; again, after a pause, when it ends or raises."""

        async def forever() -> None:
            delay = 0.1
            while True:
                began = asyncio.get_running_loop().time()
                try:
                    await work()
                except asyncio.CancelledError:
                    raise
                except Exception:
                    self.log.exception("loop failed", loop=name)
                delay = 0.1 if asyncio.get_running_loop().time() - began > 30 else min(delay * 2, 5.0)
                await asyncio.sleep(delay)

        self._loops.append(asyncio.create_task(forever(), name=f"{self.name}:{name}"))

    def on_stop(self, work: Callable[[], Awaitable[None]]) -> None:
        """Called at the end, last registered first."""
        self._stops.append(work)

    def client(self, service: str) -> Any:
        """A client of another service, authenticated as this one."""
        if service not in self._clients:
            self._clients[service] = self._local_client(service) or self._grpc_client(service)
        return self._clients[service]

    def _local_client(self, service: str) -> Any:
        """None: the service is not in this process."""
        from headwater_server.kit import grpc_server
        from headwater_server.kit.local import LocalClient

        other = self.beside.get(service)
        declared = grpc_server.descriptor(service).full_name
        if other is None or declared not in other.tables:
            return None
        return LocalClient(self.name, service, other.tables[declared][1], other.tracer)

    def _grpc_client(self, service: str) -> Any:
        from headwater_server.kit import grpc_server

        token = service_token(self.settings.internal_key.get_secret_value(), self.name)
        return grpc_server.Client(self.channel(service), grpc_server.descriptor(service), token)

    def channel(self, service: str) -> Any:
        """The gRPC channel to the process of a service."""
        import grpc.aio

        from headwater_server.kit import grpc_server

        address = self.settings.peer(service)
        if address not in self._channels:
            self._channels[address] = grpc.aio.insecure_channel(address, options=grpc_server.OPTIONS)
        return self._channels[address]

    async def start_commands(self) -> None:
        for _, table in self.tables.values():
            if any(m.rule.command for m in table.values()):
                self._subscriptions.append(await commands.serve(self.bus, self.name, table, self.tracer))

    async def stop(self) -> None:
        for subscription in self._subscriptions:
            with contextlib.suppress(Exception):
                await subscription.stop()
        for work in reversed(self._stops):
            try:
                await work()
            except Exception:
                self.log.exception("stop failed")
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        for channel in self._channels.values():
            await channel.close()
        await asyncio.gather(self.bus.close(), self.database.close(), return_exceptions=True)
        self.tracer.close()


async def build(name: str, environ: dict[str, str] | None = None) -> ServiceKit[Any]:
    """One service, connected and composed, not yet serving."""
    app = import_module(f"headwater_server.{name}.app")
    settings = load(app.Settings, name, environ)
    bus, database = await asyncio.gather(
        Bus.connect(settings.nats_url, identity=name, seed=settings.nats_seed, inbox=settings.nats_inbox),
        Database.connect(settings.database_url, size=settings.database_pool_size, name=name),
    )
    await _await_schema(database, name)
    kit: ServiceKit[Any] = ServiceKit(name, settings, database, bus, Tracer(name))
    await app.build(kit)
    return kit


async def _await_schema(database: Database, name: str, patience: float = 30.0) -> None:
    """At a first start the schema may still be being made."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        try:
            return await migrate.verify(database, name)
        except ServiceError:
            if loop.time() > deadline:
                raise
            await asyncio.sleep(0.05)


class Process:
    """The services of one process behind one gRPC address."""

    def __init__(self, kits: list[ServiceKit[Any]]) -> None:
        self.kits = kits
        self.server: Any = None
        self.port = 0

    async def start(self) -> "Process":
        import grpc
        import grpc.aio
        from grpc_health.v1 import health, health_pb2, health_pb2_grpc
        from grpc_reflection.v1alpha import reflection

        from headwater_server.kit.grpc_server import OPTIONS, GrpcHandlers

        settings = self.kits[0].settings
        _refuse_open_bind(settings)
        self._introduce()
        self.server = grpc.aio.server(options=OPTIONS)
        checks = health.aio.HealthServicer()  # type: ignore[attr-defined]
        health_pb2_grpc.add_HealthServicer_to_server(checks, self.server)
        names = [health.SERVICE_NAME, reflection.SERVICE_NAME]
        for kit in self.kits:
            for service, table in kit.tables.values():
                wrapper = GrpcHandlers(kit.name, kit.authenticator, kit.tracer)
                methods = {m.name: wrapper.wrap(m) for m in table.values()}
                self.server.add_generic_rpc_handlers(
                    (grpc.method_handlers_generic_handler(service.full_name, methods),)
                )
                names.append(service.full_name)
        reflection.enable_server_reflection(names, self.server)
        try:
            self.port = self.server.add_insecure_port(settings.grpc_address)
        except RuntimeError:
            raise InvalidArgument(
                f"cannot listen on {settings.grpc_address}: the port is taken", field="HEADWATER_GRPC_ADDRESS"
            ) from None
        await self.server.start()
        for kit in self.kits:
            await kit.start_commands()
        for name in ("", *names):
            await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
        log.info("serving", services=[k.name for k in self.kits], grpc=settings.grpc_address)
        return self

    def _introduce(self) -> None:
        """Tells each service which others are beside it. Clients made until now, if any, go on over gRPC."""
        for kit in self.kits:
            kit.beside = {o.name: o for o in self.kits if kit.settings.peer(o.name) == o.settings.grpc_address}

    async def stop(self) -> None:
        if self.server is not None:
            await self.server.stop(0.3)
        await asyncio.gather(*(kit.stop() for kit in self.kits), return_exceptions=True)


def _refuse_open_bind(settings: ServiceSettings) -> None:
    host = settings.grpc_address.rpartition(":")[0].strip("[]")
    if host in ("127.0.0.1", "localhost", "::1") or settings.insecure:
        return
    raise InvalidArgument(
        f"refusing to listen on {settings.grpc_address} without TLS",
        field="HEADWATER_GRPC_ADDRESS",
        hint="Listen on 127.0.0.1, or set HEADWATER_INSECURE=true inside a network that you trust.",
    )


async def _run(names: list[str]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    starting = asyncio.ensure_future(_start(names))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        return
    process = starting.result()
    await stopping
    await asyncio.wait_for(process.stop(), 5)


async def _start(names: list[str]) -> Process:
    from headwater_server.kit import observe

    kits = await asyncio.gather(*(build(name) for name in names))
    process = await Process(list(kits)).start()
    await observe.serve(kits[0])
    return process


def run(names: list[str]) -> int:
    """Runs services until SIGINT or SIGTERM. Returns the exit status."""
    import uvloop

    settings = load(ServiceSettings, names[0])
    logs.configure(settings.log_level, settings.log_format)
    try:
        uvloop.run(_run(names))
    except ServiceError as error:
        print(f"headwater {'+'.join(names)}: {error.message}{' ' + error.hint if error.hint else ''}", file=sys.stderr)
        return 1
    return 0
