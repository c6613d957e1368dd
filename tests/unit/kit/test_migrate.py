"""Migrations of every service are named and numbered in order."""

import re

import pytest

from headwater_server.__main__ import SERVICES
from headwater_server.kit import migrate


@pytest.mark.parametrize("service", SERVICES)
def test_numbers_are_unique_and_sql_names_no_schema(service):
    found = [m for m in migrate.migrations(service) if m.origin == service]
    numbers = [m.name[:4] for m in found]
    assert len(set(numbers)) == len(numbers)
    for m in found:
        assert not re.search(rf"\b{service}\.\w+ *\(", m.sql), f"{m.name} names its schema"
    assert [m.name for m in migrate.migrations(service) if m.origin == "kit"] == ["0001_outbox_inbox.sql"]
