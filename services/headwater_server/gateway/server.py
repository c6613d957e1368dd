"""The HTTP server: one socket, uvicorn on the loop that the process has, and an end that waits for nobody long."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from headwater_server.gateway.guard import LOOPBACK, host_of
from headwater_server.kit.errors import InvalidArgument

GRACE = 0.25
KEEP_ALIVE = 75
VARIABLE = "HEADWATER_HTTP_ADDRESS"


def listen(address: str, *, insecure: bool) -> socket.socket:
    """A listening socket with TCP_NODELAY. Raises InvalidArgument when the address may not or cannot be used."""
    host, port = host_of(address), address.rpartition(":")[2]
    if not host or not port.isdigit():
        raise InvalidArgument(f"{VARIABLE}={address!r} is not host:port", field=VARIABLE, hint="e.g. 127.0.0.1:7400")
    if host not in LOOPBACK and not insecure:
        raise InvalidArgument(
            f"refusing to listen on {address} without TLS",
            field=VARIABLE,
            hint="Listen on 127.0.0.1, or set HEADWATER_INSECURE=true (--insecure) behind something that speaks TLS.",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With proto=0 asyncio would leave Nagle's algorithm on: 40 ms per answer.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        made.bind((host, int(port)))
        made.listen(2048)
    except (OSError, OverflowError) as error:
        made.close()
        why = "the port is taken" if getattr(error, "errno", 0) == 98 else str(error)
        raise InvalidArgument(
            f"cannot listen on {address}: {why}", field=VARIABLE, hint=f"Set {VARIABLE} to a free one."
        ) from None
    made.setblocking(False)
    return made


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the process's business."""
        yield


class HttpServer:
    def __init__(self, app: Any, listener: socket.socket) -> None:
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # the edge logs what goes wrong
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        config.timeout_graceful_shutdown = GRACE  # type: ignore[assignment]
        self.server = _Server(config)
        self._listener = listener
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self.server.serve(sockets=[self._listener]), name="gateway:http")

    async def stop(self) -> None:
        self.server.should_exit = True
        if self._task is not None:
            with contextlib.suppress(Exception):
                await self._task
        for connection in list(self.server.server_state.connections):
            if (transport := getattr(connection, "transport", None)) is not None:
                transport.abort()
