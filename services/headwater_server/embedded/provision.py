"""`python -m headwater_server admin apply`: everything a deployment needs before its services start.

Streams and consumers, database roles, schemas and migrations, buckets: made or brought up to date, never emptied.
Runs as the identity `infra` and a Postgres superuser; no service has these rights. Safe to repeat, also side by side.
"""

import argparse
import asyncio
import json
import os
import sys
from typing import Any

import asyncpg

from headwater_server.embedded.topology import Topology, consumer_config, postgres_roles, stream_config, topology
from headwater_server.kit import migrate
from headwater_server.kit.bus import Bus
from headwater_server.kit.database import LOST
from headwater_server.kit.errors import FailedPrecondition, InvalidArgument, ServiceError, Unavailable
from headwater_server.kit.settings import ServiceSettings, load

_EXISTS = 10058


async def apply_bus(bus: Bus, table: Topology) -> None:
    for name, row in table.streams.items():
        await _upsert_stream(bus, name, stream_config(name, row))
    for key, row in table.consumers.items():
        stream, config = consumer_config(key, row)
        await _api(
            bus, f"CONSUMER.DURABLE.CREATE.{stream}.{config['durable_name']}", {"stream_name": stream, "config": config}
        )


async def _upsert_stream(bus: Bus, name: str, config: dict[str, Any]) -> None:
    answer = await _api(bus, f"STREAM.CREATE.{name}", config, allow=_EXISTS)
    if answer.get("error"):
        await _api(bus, f"STREAM.UPDATE.{name}", config)


async def _api(bus: Bus, verb: str, body: dict[str, Any], *, allow: int = 0) -> dict[str, Any]:
    msg = await bus.request(f"$JS.API.{verb}", json.dumps(body).encode(), timeout=10)
    answer = json.loads(msg.data)
    error = answer.get("error")
    if error and error.get("err_code") != allow:
        raise FailedPrecondition(
            f"NATS refuses {verb}: {error.get('description')}", hint="nats-server 2.12 or newer is needed."
        )
    return answer


async def apply_database(url: str, passwords: dict[str, str]) -> None:
    """url: a superuser's, of database headwater; the database is made when it is not there."""
    connection = await _connect(url)
    try:
        await connection.execute("SELECT pg_advisory_lock(7401)")
        for statement in postgres_roles(passwords):
            await connection.execute(statement)
        for identity in topology().services():
            await connection.execute(f"SET ROLE {identity.schema}_owner")
            await migrate.apply(connection, identity.schema, identity.schema)
            await connection.execute("RESET ROLE")
    finally:
        await connection.close()


async def _connect(url: str, patience: float = 60.0) -> asyncpg.Connection:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        try:
            return await asyncpg.connect(url, timeout=5)
        except asyncpg.InvalidCatalogNameError:
            await _create_database(url)
        except (*LOST, TimeoutError) as error:
            if loop.time() > deadline:
                raise Unavailable(f"Postgres does not answer: {error}") from error
            await asyncio.sleep(0.02)


async def _create_database(url: str) -> None:
    base, _, name = url.rpartition("/")
    connection = await asyncpg.connect(f"{base}/postgres")
    try:
        await connection.execute(f'CREATE DATABASE "{name.partition("?")[0]}"')
    except asyncpg.DuplicateDatabaseError:
        pass
    finally:
        await connection.close()


async def apply_buckets(endpoint: str, access_key: str, secret_key: str, region: str) -> None:
    from headwater_server.kit.objects import ensure_bucket

    for bucket in topology().buckets().values():
        await ensure_bucket(endpoint, bucket, access_key=access_key, secret_key=secret_key, region=region)


async def _apply(settings: ServiceSettings, environ: dict[str, str]) -> None:
    passwords = {}
    for identity in topology().services():
        variable = f"POSTGRES_{identity.schema.upper()}_PASSWORD"
        if not environ.get(variable):
            raise InvalidArgument(
                f"{variable} is not set", field=variable, hint="It becomes the password of that service's role."
            )
        passwords[identity.schema] = environ[variable]

    async def bus_part() -> None:
        bus = await Bus.connect(settings.nats_url, identity="infra", seed=settings.nats_seed)
        try:
            await apply_bus(bus, topology())
        finally:
            await bus.close()

    parts = [bus_part(), apply_database(settings.database_url, passwords)]
    if settings.s3_endpoint:
        parts.append(
            apply_buckets(
                settings.s3_endpoint,
                settings.s3_access_key,
                settings.s3_secret_key.get_secret_value(),
                settings.s3_region,
            )
        )
    await asyncio.gather(*parts)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m headwater_server admin", description=__doc__)
    parser.add_argument(
        "action", choices=["apply"], help="make or update streams, roles, schemas, migrations and buckets"
    )
    parser.parse_args(argv)
    try:
        settings = load(ServiceSettings, "infra")
        asyncio.run(_apply(settings, dict(os.environ)))
    except ServiceError as error:
        print(f"headwater admin apply: {error.message}{' ' + error.hint if error.hint else ''}", file=sys.stderr)
        return 1
    return 0
