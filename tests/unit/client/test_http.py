"""The connection: kept alive, repeated where that is harmless, with errors that say what to do."""

import socket
import threading

import pytest

from headwater.client import http
from headwater.errors import (
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    NotReachable,
    PermissionDenied,
    Unauthenticated,
    Unavailable,
)
from tests.unit.client.api import Wire, connection, raw


def ok(wire: Wire) -> None:
    wire.receive()
    wire.send("{}")


def drop(wire: Wire) -> None:
    """Answers once, reads the next request, and hangs up in the middle of it."""
    ok(wire)
    wire.receive()


def test_connections_are_kept_and_carry_the_token() -> None:
    seen: list[dict[str, str]] = []

    def twice(wire: Wire) -> None:
        for _ in range(2):
            seen.append(wire.receive()[1])
            wire.send('{"a": 1}')

    with raw(twice) as url:
        conn = connection(url)
        assert conn.call("GET", "/x") == {"a": 1} == conn.call("POST", "/x", {})
    assert [headers["authorization"] for headers in seen] == ["Bearer secret"] * 2


def test_a_connection_that_the_server_closed_while_idle_is_replaced() -> None:
    with raw(ok, ok) as url:
        conn = connection(url)
        conn.call("GET", "/x")
        conn.call("POST", "/not-repeatable", {})


def test_a_repeatable_request_survives_a_connection_lost_in_the_middle() -> None:
    with raw(drop, ok) as url:
        conn = connection(url)
        conn.call("GET", "/x")
        assert conn.call("POST", "/x", {"requestId": "r"}) == {}


def test_a_request_that_may_have_had_an_effect_is_not_repeated() -> None:
    with raw(drop, ok) as url:
        conn = connection(url)
        conn.call("GET", "/x")
        with pytest.raises(NotReachable):
            conn.call("POST", "/x", {})


def test_a_server_that_restarts_is_waited_for() -> None:
    def away(wire: Wire) -> None:
        wire.receive()
        wire.send('{"error": {"code": "UNAVAILABLE", "message": "starting"}}', status="503 Unavailable")

    with raw(away, away, ok) as url:
        assert connection(url, local=True).call("GET", "/x") == {}


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(NotReachable) as caught:
        connection(f"http://127.0.0.1:{port}").call("GET", "/x")
    assert f"http://127.0.0.1:{port} (connection refused)" in caught.value.message
    assert "headwater up" in caught.value.hint


def test_silence_is_a_deadline() -> None:
    done = threading.Event()

    def silent(wire: Wire) -> None:
        wire.receive()
        done.wait(10)

    with raw(silent) as url:
        with pytest.raises(DeadlineExceeded, match=r"GET /x within 0\.05 seconds"):
            connection(url).call("GET", "/x", timeout=0.05)
        done.set()


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (
            "400 Bad Request",
            '{"error": {"code": "INVALID_ARGUMENT", "message": "bad", "field": "f", "hint": "do"}}',
            InvalidArgument,
            "bad. Fix: do",
        ),
        (
            "403 Forbidden",
            '{"error": {"code": "PERMISSION_DENIED", "message": "viewers only read"}}',
            PermissionDenied,
            "viewers only read",
        ),
        ("502 Bad Gateway", "<html>proxy</html>", Unavailable, "HTTP status 502"),
        ("200 OK", "<html>hello</html>", Internal, "does not answer like a Headwater server"),
        ("500 Oops", "", Internal, "HTTP status 500"),
    ],
)
def test_errors_of_the_server(status: str, body: str, kind: type[Exception], text: str) -> None:
    def answer(wire: Wire) -> None:
        wire.receive()
        wire.send(body, status=status)

    with raw(answer) as url, pytest.raises(kind, match=text):
        connection(url).call("POST", "/x", {})


@pytest.mark.parametrize(("token", "text"), [("wrong", "did not accept the token"), ("", "needs a token")])
def test_a_wrong_or_missing_token_says_where_the_right_one_is(token: str, text: str) -> None:
    def refuse(wire: Wire) -> None:
        wire.receive()
        wire.send('{"error": {"code": "UNAUTHENTICATED", "message": "unknown token"}}', status="401 Unauthorized")

    with raw(refuse) as url, pytest.raises(Unauthenticated, match=text) as caught:
        connection(url, token=token).call("GET", "/x")
    assert "HEADWATER_TOKEN" in caught.value.hint and "token" in caught.value.hint


def test_query_strings() -> None:
    assert http.encode_query({"a": [1, "b c"], "t": True, "none": None, "empty": ""}) == "?a=1&a=b%20c&t=true"
    assert http.encode_query({}) == ""
