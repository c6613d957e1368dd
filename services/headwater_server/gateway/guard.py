"""Whom a browser may speak for: Host against DNS rebinding, Origin against forged requests. Pure."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from headwater_server.kit.errors import PermissionDenied
from headwater_server.kit.hints import shown

_ADDRESS = re.compile(
    r"^(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9._-]*|[0-9a-fA-F:]*::[0-9a-fA-F:]*))(?::\d*)?$"
)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
# Asked by probes that know an address, not a name; they tell nothing that a page could use.
PROBES = ("/healthz", "/readyz")


@dataclass(frozen=True)
class Guard:
    """Host names this server answers to, and origins beside its own whose pages may call it."""

    hosts: frozenset[str]
    origins: frozenset[str]

    @classmethod
    def of(cls, http_address: str, allowed_hosts: str, public_url: str) -> "Guard":
        bound = host_of(http_address)
        named = [host.strip().lower() for host in allowed_hosts.split(",") if host.strip()]
        hosts = {*LOOPBACK, *named, *(() if bound in ("", "0.0.0.0", "::") else (bound,))}
        origins: set[str] = set()
        if public_url:
            parts = urlsplit(public_url)
            hosts.add((parts.hostname or "").lower())
            origins.add(f"{parts.scheme}://{parts.netloc}".lower())
        return cls(frozenset(hosts), frozenset(origins))

    def check(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Raises PermissionDenied. headers: as ASGI gives them, names in lower case."""
        host = origin = site = None
        for name, value in headers:
            if name == b"host":
                host = value.decode("latin-1").lower()
            elif name == b"origin":
                origin = value.decode("latin-1").lower()
            elif name == b"sec-fetch-site":
                site = value
        if path not in PROBES and host_of(host or "") not in self.hosts:
            raise PermissionDenied(
                f"this server does not answer to the host {shown(host or '')}",
                field="Host",
                hint="Add it to HEADWATER_ALLOWED_HOSTS if it is a name of this server.",
                reason="HOST",
            )
        if origin is not None and origin not in self.origins and not _same(origin, host or ""):
            raise _foreign(f"requests of pages from {shown(origin)} are refused", "Origin")
        if site == b"cross-site":
            raise _foreign("requests of pages from elsewhere are refused", "Sec-Fetch-Site")


def _foreign(message: str, field: str) -> PermissionDenied:
    return PermissionDenied(
        message, field=field, hint="Open the page from this server, or set HEADWATER_PUBLIC_URL.", reason="ORIGIN"
    )


def _same(origin: str, host: str) -> bool:
    scheme, _, netloc = origin.partition("://")
    return scheme in ("http", "https") and netloc == host and bool(netloc)


def host_of(address: str) -> str:
    """The name in host[:port] or [v6][:port]; "" of what is neither."""
    found = _ADDRESS.match(address)
    return (found["v6"] or found["name"] or "") if found else ""
