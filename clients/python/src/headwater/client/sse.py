"""Server-sent events: cuts the stream into events and opens it again where it broke off.

Knows the format and when to give up; what an event means is the caller's business.
"""

import json
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from headwater.errors import NotReachable, Unavailable

if TYPE_CHECKING:
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


def follow(connection: "Connection", path: str, query: "Query | None", last_id: str = "") -> Iterator[Event]:
    """See Connection.stream."""
    deadline = time.monotonic() + PATIENCE
    pause, seen = 0.05, False
    while True:
        try:
            for event, ident, data in _open(connection, path, query, last_id):
                last_id = ident or last_id
                pause, seen = 0.05, True
                yield event, ident, data
                if event == "end":
                    return
            if not seen:
                pause = 0.5  # an answer that ends at once must not become a busy loop
            deadline = time.monotonic() + PATIENCE
        except Unavailable as error:
            first_contact = not seen and isinstance(error, NotReachable) and not connection.server.local
            if first_contact or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 1.0)


def _open(connection: "Connection", path: str, query: "Query | None", last_id: str) -> Iterator[Event]:
    import http.client

    headers = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    line = None
    try:
        line, response = connection.open("GET", connection.target(path, query), None, SILENCE, headers)
        if response.status >= 400:
            raise connection.error(response.status, response.read())
        yield from parse(iter(response.readline, b""))
    except (OSError, http.client.HTTPException) as error:
        raise connection.unreachable(error) from error
    finally:
        if line is not None:
            line.close()
