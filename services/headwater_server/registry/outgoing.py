"""HTTP calls to addresses that users name: never to this machine or a private network, whatever their names stand for.

The name is looked up once, every address is checked, and the connection goes to the address that was checked. Follows
no redirects, speaks through no proxy, reads little of the answer.
"""

import asyncio
import ipaddress
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

MAX_URL = 2000
TIMEOUT = 10.0
_MOST_BODY = 8192
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Policy:
    schemes: tuple[str, ...] = ("https",)
    private: bool = False


@dataclass(frozen=True)
class Answer:
    status: int
    body: str


@dataclass(frozen=True)
class Place:
    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


def is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return inner.is_global
    return address.is_global and not address.is_multicast


def read_url(url: str, policy: Policy) -> Place:
    """Raises InvalidArgument in MLflow's words."""
    if not url.strip():
        raise _refused(f"Webhook URL cannot be empty or just whitespace: {url!r}")
    if len(url) > MAX_URL or not url.isascii() or any(c.isspace() or not c.isprintable() for c in url):
        raise _refused(f"Invalid webhook URL {shown(url)}: at most {MAX_URL} printable ASCII characters, no spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused(f"Invalid webhook URL {shown(url)}: {error!r}") from None
    if parts.scheme not in policy.schemes:
        allowed = ", ".join(policy.schemes)
        raise _refused(f"Invalid webhook URL scheme: {parts.scheme!r}. Allowed schemes are: {allowed}.")
    if parts.username is not None or parts.password is not None:
        raise _refused("Webhook URL must not include embedded credentials")
    if not parts.hostname:
        raise _refused(f"Webhook URL must include a hostname: {shown(url)}")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80), target)


async def resolve(place: Place, policy: Policy) -> str:
    """An address of the place. Raises InvalidArgument where one of them is not public."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(5.0):
            found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError) as error:
        raise _refused(f"Cannot resolve Webhook URL hostname {place.host!r}: {error}") from None
    addresses = [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]
    if not policy.private:
        for address in addresses:
            if not is_public(address):
                raise _refused(
                    f"Webhook URL must not resolve to a non-public IP address. {place.host!r} resolves to {address}."
                )
    if not addresses:
        raise _refused(f"Cannot resolve Webhook URL hostname {place.host!r}")
    return str(addresses[0])


async def post(url: str, body: bytes, headers: dict[str, str], policy: Policy) -> Answer:
    """Raises InvalidArgument, OSError or TimeoutError."""
    place = read_url(url, policy)
    address = await resolve(place, policy)
    async with asyncio.timeout(TIMEOUT):
        tls = ssl.create_default_context() if place.scheme == "https" else None
        reader, writer = await asyncio.open_connection(
            address, place.port, ssl=tls, server_hostname=place.host if tls else None
        )
        try:
            writer.write(_head(place, headers, len(body)) + body)
            await writer.drain()
            return await _read(reader)
        finally:
            writer.close()


def _head(place: Place, headers: dict[str, str], size: int) -> bytes:
    lines = [
        f"POST {place.target} HTTP/1.1",
        f"Host: {place.authority}",
        "User-Agent: headwater",
        "Connection: close",
        f"Content-Length: {size}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _read(reader: asyncio.StreamReader) -> Answer:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError) as error:
        raise OSError(f"the answer is not HTTP: {error}") from None
    body = b""
    while len(body) < _MOST_BODY and (chunk := await reader.read(_MOST_BODY)):
        body += chunk
    if b"chunked" in head.lower():  # what matters of it is legible between the sizes of its chunks
        body = b"\r\n".join(line for line in body.split(b"\r\n") if not _is_size(line))
    return Answer(status, body[:_MOST_BODY].decode(errors="replace").strip())


def _is_size(line: bytes) -> bool:
    return len(line) < 9 and all(c in b"0123456789abcdefABCDEF" for c in line)


def _refused(message: str) -> InvalidArgument:
    return InvalidArgument(message, field="url")
