"""What a test sees of the harness. Servers start when the first test of the session asks for them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from importlib import import_module
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio

from headwater_server.embedded.processes import free_port
from headwater_server.kit import grpc_server, service
from headwater_server.kit.auth import service_token
from headwater_server.kit.bus import Bus
from headwater_server.kit.database import Database
from headwater_server.kit.service import ServiceKit
from headwater_server.kit.settings import load
from headwater_server.kit.telemetry import Tracer
from tests.harness.servers import Home, NatsServer, NatsServers, PostgresServer, S3Server
from tests.harness.waiting import eventually as _eventually

INTERNAL_KEY = "the-internal-key-of-the-tests"


@pytest.fixture(scope="session")
def home() -> Iterator[Home]:
    made = Home()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def postgres(home: Home) -> Iterator[PostgresServer]:
    server = PostgresServer(home).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def s3(home: Home) -> Iterator[S3Server]:
    server = S3Server(home).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nats_servers(home: Home) -> NatsServers:
    return NatsServers(home)


@pytest_asyncio.fixture
async def bus(nats_servers: NatsServers) -> AsyncIterator[NatsServer]:
    server = await nats_servers.start()
    yield server
    await server.stop()


@pytest_asyncio.fixture
async def new_database(postgres: PostgresServer) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    made: list[str] = []

    async def make(name: str) -> str:
        made.append(await postgres.new_database(name))
        return made[-1]

    yield make
    for url in made:
        await postgres.drop(url)


class Builder:
    """Builds kits on the servers of one test."""

    def __init__(
        self, request: pytest.FixtureRequest, bus: NatsServer, new_database: Callable[[str], Awaitable[str]]
    ) -> None:
        self._request, self._bus, self._new_database = request, bus, new_database
        self.address = f"127.0.0.1:{free_port()}"
        self.kits: list[ServiceKit[Any]] = []

    async def __call__(self, name: str, *, compose: bool = True, **settings: Any) -> ServiceKit[Any]:
        """A kit of the service; composed by its app.build() unless compose is False. Keywords are settings."""
        app = import_module(f"headwater_server.{name}.app")
        values: dict[str, object] = {
            "nats_url": self._bus.url,
            "nats_seed": self._bus.seed(name),
            "database_url": settings.pop("database_url", None) or await self._new_database(name),
            "grpc_address": self.address,
            "internal_key": INTERNAL_KEY,
        }
        if name in ("artifact", "executor"):
            values |= self._request.getfixturevalue("s3").settings(name)
        environ = {f"HEADWATER_{key.upper()}": str(value) for key, value in (values | settings).items()}
        chosen = load(app.Settings, name, environ)
        connected, database = await asyncio.gather(
            Bus.connect(chosen.nats_url, identity=name, seed=chosen.nats_seed, patience=5),
            Database.connect(chosen.database_url, size=chosen.database_pool_size, name=name, patience=5),
        )
        kit: ServiceKit[Any] = ServiceKit(name, chosen, database, connected, Tracer(name))
        self.kits.append(kit)
        if compose:
            await app.build(kit)
        return kit


@pytest_asyncio.fixture
async def service_kit(
    request: pytest.FixtureRequest, bus: NatsServer, new_database: Callable[[str], Awaitable[str]]
) -> AsyncIterator[Builder]:
    build = Builder(request, bus, new_database)
    yield build
    await asyncio.gather(*(kit.stop() for kit in build.kits), return_exceptions=True)


@pytest_asyncio.fixture
async def serve(service_kit: Builder) -> AsyncIterator[Callable[..., Awaitable[Callable[[str], Any]]]]:
    processes: list[service.Process] = []
    channels: list[grpc.aio.Channel] = []

    async def start(*names: str, extra: Sequence[ServiceKit[Any]] = (), **settings: Any) -> Callable[[str], Any]:
        """extra: kits that the test has composed itself."""
        kits = [*extra, *[await service_kit(name, **settings) for name in names]]
        processes.append(await service.Process(kits).start())
        channels.append(grpc.aio.insecure_channel(service_kit.address, options=grpc_server.OPTIONS))

        def client(name: str) -> Any:
            token = service_token(INTERNAL_KEY, "gateway")
            return grpc_server.Client(channels[-1], grpc_server.descriptor(name), token)

        return client

    yield start
    for channel in channels:
        await channel.close()
    for process in processes:
        await process.server.stop(0.1)


@pytest.fixture
def eventually() -> Callable[..., Awaitable[Any]]:
    return _eventually
