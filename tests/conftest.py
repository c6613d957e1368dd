"""Fixtures for every test: see tests/harness/README.md."""

from tests.harness.fixtures import (  # noqa: F401
    bus,
    eventually,
    home,
    nats_servers,
    new_database,
    postgres,
    s3,
    serve,
    service_kit,
)
