"""Hosts and origins; what tokens may be."""

from datetime import timedelta

import pytest

from headwater_server.gateway import tokens
from headwater_server.gateway.guard import Guard, host_of
from headwater_server.kit.auth import Actor, Identity
from headwater_server.kit.errors import InvalidArgument, PermissionDenied

ADMIN = Identity(Actor("user", "ada"), "admin")


def check(guard: Guard, path: str = "/api", **headers: str) -> bool:
    try:
        guard.check(path, [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()])
    except PermissionDenied:
        return False
    return True


def test_hosts():
    guard = Guard.of("0.0.0.0:7400", "ml.example.com, Gateway", "https://mlops.example.com/x")
    for host in ("localhost", "127.0.0.1:1", "[::1]:80", "ml.example.com:443", "GATEWAY", "mlops.example.com"):
        assert check(guard, host=host), host
    for host in ("", "0.0.0.0", "evil.com", "localhost.evil.com", "localhost:80@evil.com", "[::1", "127.0.0.1.nip.io"):
        assert not check(guard, host=host), host
    assert check(guard, "/readyz", host="10.0.0.7:7400"), "probes know an address"
    assert not check(Guard.of("127.0.0.1:7400", "", ""), host="ml.example.com")


def test_origins():
    guard = Guard.of("127.0.0.1:7400", "", "https://ml.example.com")
    for origin in ("http://localhost:7400", "https://ml.example.com"):
        assert check(guard, host="localhost:7400", origin=origin)
    for origin in (
        "null",
        "http://localhost",
        "http://evil.com",
        "http://ml.example.com",
        "file://localhost:7400",
        "://",
    ):
        assert not check(guard, host="localhost:7400", origin=origin), origin
    assert not check(guard, host="localhost:7400", sec_fetch_site="cross-site")
    assert check(guard, host="localhost:7400", sec_fetch_site="none")


def test_names_in_addresses():
    for address, host in (("a:1", "a"), ("a", "a"), ("[::1]:2", "::1"), ("[::1]", "::1"), ("::1", "::1"), ("", "")):
        assert host_of(address) == host


def test_tokens_only_narrow():
    assert tokens.check_role("editor", ADMIN) == "editor"
    with pytest.raises(PermissionDenied):
        tokens.check_role("admin", Identity(Actor("user", "x"), "editor"))
    for role in ("", "service", "worker", "Admin"):
        with pytest.raises(InvalidArgument):
            tokens.check_role(role, ADMIN)
    with pytest.raises(PermissionDenied):
        tokens.check_giver(Identity(Actor("task", "x", "r"), "admin"))


def test_lives():
    assert tokens.check_life(timedelta(0)) == tokens.DEFAULT_LIFE
    for life in (timedelta(seconds=-1), timedelta(days=9999)):
        with pytest.raises(InvalidArgument):
            tokens.check_life(life)


def test_ids_sort_by_time_and_secrets_differ():
    made = [tokens.new_token() for _ in range(50)]
    assert len({m.secret for m in made}) == 50 and all(tokens.check_id(m.token_id) for m in made)
    assert made[0].token_id[:12] <= made[-1].token_id[:12]
