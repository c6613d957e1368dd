"""Inside a task logging goes to the node agent, never to the network, and never waits for an answer."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.runtime import channel, frames
from headwater.tracking import log_metric, log_params, set_tag


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The other end of the socket of the task that this process pretends to be."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    monkeypatch.setattr(channel, "_active", channel.Channel(ours, tmp_path, tmp_path))
    yield theirs
    ours.close()
    theirs.close()


def received(agent: socket.socket) -> dict[str, Any]:
    message = frames.receive(agent)
    assert message is not None
    return message


def test_points_params_and_tags(agent: socket.socket) -> None:
    log_metric("loss", 0.5)
    log_metric("loss", 0.25)
    log_params({"layers": (32, 16)})
    set_tag("kind", "test")
    first, second, params, tags = (received(agent) for _ in range(4))
    assert first["op"] == "metrics" and first["metrics"][0].items() >= {"key": "loss", "value": 0.5, "step": 0}.items()
    assert second["metrics"][0]["step"] == 1
    assert (params["params"], tags["tags"]) == ({"layers": "(32, 16)"}, {"kind": "test"})
