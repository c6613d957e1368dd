"""Server-sent events: cuts the stream into events and opens it again where it broke off.

Knows the format and when to give up; what an event means is the caller's business.
"""

import json
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from headwater.errors import DeadlineExceeded, NotReachable, Unavailable

if TYPE_CHECKING:
    import http.client

    from headwater.client.http import Connection, Query

Event = tuple[str, str, dict[str, Any]]
# The server says something (a comment, if nothing else) at least every 15 s.
SILENCE = 45.0
PATIENCE = 30.0


def parse(lines: Iterable[bytes]) -> Iterator[Event]:
    """Events of a stream of lines; an event without its closing empty line is dropped."""
    event, ident, data = "message", "", list[str]()
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if not line:
            if data:
                yield event, ident, _load("\n".join(data))
            event, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            event = value
        elif name == "data":
            data.append(value)
        elif name == "id":
            ident = value


def _load(text: str) -> dict[str, Any]:
    body = json.loads(text)
    return body if isinstance(body, dict) else {"value": body}


def follow(
    connection: "Connection", path: str, query: "Query | None", last_id: str = "", until: float | None = None
) -> Iterator[Event]:
    """See Connection.stream."""
    deadline = time.monotonic() + PATIENCE
    pause, seen = 0.05, False
    while True:
        try:
            for event, ident, data in _open(connection, path, query, last_id, until):
                last_id = ident or last_id
                pause, seen = 0.05, True
                yield event, ident, data
                if event == "end":
                    return
            if not seen:
                pause = 0.5  # an answer that ends at once must not become a busy loop
            deadline = time.monotonic() + PATIENCE
        except Unavailable as error:
            if until is not None and time.monotonic() >= until:
                raise DeadlineExceeded("the time is over") from None
            first_contact = not seen and isinstance(error, NotReachable) and not connection.server.local
            if first_contact or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 1.0)


def _open(
    connection: "Connection", path: str, query: "Query | None", last_id: str, until: float | None
) -> Iterator[Event]:
    import http.client

    headers = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    silence = SILENCE if until is None else max(0.01, min(SILENCE, until - time.monotonic()))
    line = None
    try:
        line, response = connection.open("GET", connection.target(path, query), None, silence, headers)
        if response.status >= 400:
            raise connection.error(response.status, response.read())
        yield from parse(_lines(line, response, until))
    except (OSError, http.client.HTTPException) as error:
        raise connection.unreachable(error) from error
    finally:
        if line is not None:
            line.close()


def _lines(
    line: "http.client.HTTPConnection", response: "http.client.HTTPResponse", until: float | None
) -> Iterator[bytes]:
    while text := response.readline():
        yield text
        if until is not None:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError("the time is over")
            if line.sock is not None:
                line.sock.settimeout(min(SILENCE, left))
