"""Streams of events: their format, and how they go on after a lost connection."""

import threading
import time

import pytest

from headwater.client import sse
from headwater.errors import DeadlineExceeded, NotFound
from tests.unit.client.api import Wire, connection, raw


def test_format() -> None:
    lines = b': hello\n\nevent: a\nid: 1\ndata: {"x":\ndata: 2}\n\ndata: [3]\n\nevent: cut\ndata: {}'.splitlines(True)
    assert list(sse.parse(lines)) == [("a", "1", {"x": 2}), ("message", "1", {"value": [3]})]


def test_a_lost_connection_goes_on_after_the_last_event() -> None:
    asked: list[str] = []

    def first(wire: Wire) -> None:
        asked.append(wire.receive()[1].get("last-event-id", ""))
        wire.events('event: a\nid: e1\ndata: {}\n\nevent: b\nid: e2\ndata: {"half')

    def second(wire: Wire) -> None:
        asked.append(wire.receive()[1].get("last-event-id", ""))
        wire.events("event: b\nid: e2\ndata: {}\n\nevent: end\ndata: {}\n\nevent: late\ndata: {}\n\n")

    with raw(first, second) as url:
        assert [event for event, _, _ in connection(url).stream("/s")] == ["a", "b", "end"]
    assert asked == ["", "e1"]


def test_a_refusal_is_an_error_at_once() -> None:
    def refuse(wire: Wire) -> None:
        wire.receive()
        wire.send('{"error": {"code": "NOT_FOUND", "message": "no run x"}}', status="404 Not Found")

    with raw(refuse) as url, pytest.raises(NotFound, match="no run x"):
        list(connection(url).stream("/s"))


def test_until() -> None:
    done = threading.Event()

    def silent(wire: Wire) -> None:
        wire.receive()
        wire.events("event: a\ndata: {}\n\n")
        done.wait(10)

    with raw(silent) as url:
        stream = connection(url).stream("/s", until=time.monotonic() + 0.1)
        assert next(stream)[0] == "a"
        with pytest.raises(DeadlineExceeded):
            next(stream)
        done.set()
