"""The servers of a test session: one Postgres with templates, one S3 server when asked for, one NATS per test.

Only starts and stops; what a test sees is in fixtures.py.
"""

import asyncio
import contextlib
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import asyncpg

from headwater_server.embedded import nats, postgres, provision, seaweedfs
from headwater_server.embedded.processes import Child, await_ready, free_port, stop_all
from headwater_server.embedded.secrets_file import Secrets, choose_ports, load_or_make
from headwater_server.embedded.topology import postgres_roles, topology
from headwater_server.kit import migrate
from headwater_server.kit.bus import Bus

_PATIENCE = 30.0


def memory() -> str | None:
    """A file system in memory where there is room in one: nothing here outlives the session, and syncs cost nothing."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > 4 << 30 else None


class Home:
    """The folder, secrets and ports of a test session. Postgres, which may run as another user, can enter it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="hw-test-", dir=memory()))
        self.path.chmod(0o755)
        self.state, self.logs, self.creds = (self.path / name for name in ("state", "logs", "creds"))
        for folder in (self.state, self.logs, self.creds):
            folder.mkdir()
        self.secrets: Secrets = load_or_make(self.state / "secrets.json", self.creds)
        choose_ports(self.secrets, {})

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)


class PostgresServer:
    """One server per session. Databases are made from a template per service, in which only its schema is migrated."""

    def __init__(self, home: Home) -> None:
        self.port, self._password = free_port(), home.secrets.postgres["postgres"]
        self._passwords = {i.schema: home.secrets.postgres[i.schema] for i in topology().services()}
        self._child = postgres.child(home.state, home.logs, self.port, self._password)
        self._child.command = [*self._child.command, "-c", "fsync=off", "-c", "max_connections=200"]
        self._numbers = count(1)
        self._templates: dict[str, asyncio.Future[None]] = {}

    def start(self) -> "PostgresServer":
        self._child.start()
        await_ready([self._child], _PATIENCE)
        return self

    def stop(self) -> None:
        stop_all([self._child])

    def admin_url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}/{database}"

    def password(self, service: str) -> str:
        return self._passwords[service]

    def url(self, service: str, database: str) -> str:
        """As the role of that service, with its rights and no others."""
        return f"postgresql://{service}:{self._passwords[service]}@127.0.0.1:{self.port}/{database}"

    async def new_database(self, service: str) -> str:
        """URL of a fresh database in which the service's schema is migrated."""
        await self._once(f"template_{service}", lambda: self._migrated_template(service))
        name = f"{service}_{next(self._numbers)}"
        await self._sql("postgres", f'CREATE DATABASE "{name}" TEMPLATE "template_{service}" STRATEGY FILE_COPY')
        return self.url(service, name)

    async def drop(self, url: str) -> None:
        await self._sql("postgres", f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)')

    async def _once(self, name: str, make: Callable[[], Awaitable[None]]) -> None:
        if name not in self._templates:
            self._templates[name] = asyncio.ensure_future(make())
        await self._templates[name]

    async def _roles(self) -> None:
        await self._sql("postgres", "CREATE DATABASE headwater")
        await self._sql("headwater", *postgres_roles(self._passwords))

    async def _migrated_template(self, service: str) -> None:
        await self._once("headwater", self._roles)
        name = f"template_{service}"
        await self._sql("postgres", f'CREATE DATABASE "{name}" TEMPLATE headwater')
        connection = await asyncpg.connect(self.admin_url(name))
        try:
            await connection.execute(f"SET ROLE {service}_owner")
            await migrate.apply(connection, service, service)
        finally:
            await connection.close()

    async def _sql(self, database: str, *statements: str) -> None:
        connection = await asyncpg.connect(self.admin_url(database))
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


@dataclass
class NatsServer:
    """The bus of one test, with its own store: the same identities, grants, streams and consumers as in production."""

    port: int
    child: Child
    creds: Path
    state: Path
    _open: list[Bus] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def seed(self, identity: str) -> Path:
        return self.creds / f"{identity}.nk"

    async def connect(self, identity: str) -> Bus:
        """A connection as that identity, closed after the test."""
        connected = await Bus.connect(self.url, identity=identity, seed=self.seed(identity), patience=5)
        self._open.append(connected)
        return connected

    def kill(self) -> None:
        """As kill -9 does."""
        self.child.signal(signal.SIGKILL)
        assert self.child.process is not None
        self.child.process.wait()

    def start_again(self) -> None:
        """On the same port, with what the store kept."""
        self.child.start()
        await_ready([self.child], _PATIENCE)

    async def stop(self) -> None:
        for connected in self._open:
            with contextlib.suppress(Exception):
                await connected.close()
        stop_all([self.child])
        shutil.rmtree(self.state, ignore_errors=True)


class NatsServers:
    """Starts a NATS server per test, from a copy of a store in which streams and consumers have been made."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._template: Path | None = None
        self._numbers = count(1)

    async def start(self) -> NatsServer:
        if self._template is None:
            server = self._launch(self._home.state / "nats-template")
            infra = await server.connect("infra")
            await provision.apply_bus(infra, topology())
            await infra.close()
            server.child.stop_signal = signal.SIGTERM
            stop_all([server.child])
            self._template = server.state
        state = self._home.state / f"nats-{next(self._numbers)}"
        shutil.copytree(self._template, state)
        return self._launch(state)

    def _launch(self, state: Path) -> NatsServer:
        state.mkdir(exist_ok=True)
        ports = self._home.secrets.ports | {"nats": free_port()}
        child = nats.child(state, self._home.logs, ports, self._home.secrets.nkeys)
        child.stop_signal = signal.SIGKILL  # nothing to keep
        child.start()
        await_ready([child], _PATIENCE)
        return NatsServer(ports["nats"], child, self._home.creds, state)


class S3Server:
    """One server per session with the buckets of the grants. Keys are those of the services; `admin` has them all."""

    def __init__(self, home: Home) -> None:
        self.keys = home.secrets.s3
        self.ports = {name: home.secrets.ports[name] for name in seaweedfs.PORTS}
        self.endpoint = f"http://127.0.0.1:{self.ports['s3']}"
        self._child = seaweedfs.child(home.state, home.logs, home.secrets)

    def start(self) -> "S3Server":
        self._child.start()
        await_ready([self._child], _PATIENCE)
        access, secret = self.keys["admin"]
        with ThreadPoolExecutor(1) as aside:  # the caller's thread may be running a loop
            aside.submit(
                lambda: asyncio.run(provision.apply_buckets(self.endpoint, access, secret, "us-east-1"))
            ).result()
        return self

    def stop(self) -> None:
        stop_all([self._child], patience=0.1)
        seaweedfs.remove_sockets(self.ports)

    def settings(self, service: str) -> dict[str, str]:
        """The S3 settings of a service that owns a bucket, else nothing."""
        bucket = topology().buckets().get(service)
        if bucket is None:
            return {}
        access, secret = self.keys[service]
        return {"s3_endpoint": self.endpoint, "s3_bucket": bucket, "s3_access_key": access, "s3_secret_key": secret}
