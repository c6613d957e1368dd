"""Inside a task logging goes to the node agent, never to the network, and never waits for an answer."""

import math
import socket
import threading
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
    messages = [received(agent)]
    while not messages[-1]["tags"]:
        messages.append(received(agent))
    assert {message["op"] for message in messages} == {"metrics"}
    points = [point for message in messages for point in message["metrics"]]
    assert [(p["key"], p["value"], p["step"]) for p in points] == [("loss", 0.5, 0), ("loss", 0.25, 1)]
    assert messages[-2]["params"] == {"layers": "(32, 16)"} and messages[-1]["tags"] == {"kind": "test"}


def test_what_gathers_goes_before_the_result(agent: socket.socket) -> None:
    line = channel.active()
    assert line is not None
    for number in range(12_000):
        log_metric("loss", math.nan if number else math.inf, step=number)
    reader = threading.Thread(target=line.finish, args=({"op": "result"},))
    reader.start()
    values: list[Any] = []
    while (message := received(agent))["op"] != "result":
        values += [point["value"] for point in message["metrics"]]
    reader.join()
    assert values == ["Infinity", *["NaN"] * 11_999]
