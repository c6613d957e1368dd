"""`api`: a scripted gateway that this process's SDK is connected to, with a home of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.client import http, namespaces, resources, spins
from tests.unit.client.api import Api


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Api]:
    server = Api()
    monkeypatch.setenv("HEADWATER_URL", server.url)
    monkeypatch.setenv("HEADWATER_TOKEN", "secret")
    monkeypatch.setenv("HEADWATER_HOME", str(tmp_path / "home"))
    for name in ("HEADWATER_PROJECT", "HEADWATER_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(namespaces, "_current", "")
    monkeypatch.setattr(resources, "_callers", {})
    monkeypatch.setattr(spins, "root", None)
    server.routes["GET", "/api/v1/caller"] = {"actor": {"kind": "user", "name": "ann"}, "role": "editor"}
    yield server
    http.disconnect()
    server.stop()
