"""/metrics and /healthz of a process that has no HTTP edge of its own: a few lines of HTTP/1.1 on loopback."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from headwater_server.kit.telemetry import metrics_page

if TYPE_CHECKING:
    from headwater_server.kit.service import ServiceKit


async def serve(kit: "ServiceKit[Any]") -> None:
    """Listens on the setting metrics_address; does nothing when it is empty."""
    address = kit.settings.metrics_address
    if not address:
        return
    host, _, port = address.rpartition(":")
    server = await asyncio.start_server(_answer, host or "127.0.0.1", int(port))

    async def stop() -> None:
        server.close()

    kit.on_stop(stop)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        path = head.split(b" ", 2)[1]
        pages = {b"/metrics": metrics_page, b"/healthz": lambda: b"ok\n"}
        page = pages.get(path)
        status, body = ("200 OK", page()) if page else ("404 Not Found", b"not found\n")
        headers = f"Content-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\nConnection: close"
        writer.write(f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n".encode() + body)
        await writer.drain()
    writer.close()
