"""metadata(), get_metadata(), default_metadata(): which server is read, in the words of Metaflow."""

import os

from headwater.client import spins
from headwater.client.http import connect, disconnect
from headwater.errors import InvalidArgument

_environ: str | None = None
_changed = False


def metadata(ms: str) -> str:
    """Reads another server from now on: metadata("service@https://headwater.example.org"). Returns get_metadata().

    "spin@<folder>" reads what `spin --persist` left there. The token is that of HEADWATER_TOKEN.
    """
    global _environ, _changed
    kind, at, where = ms.partition("@")
    if kind == "spin" and at:
        spins.inspect_spin(where)
        return get_metadata()
    url = where if at else ms
    if (at and kind not in ("service", "headwater")) or not url.startswith(("http://", "https://")):
        raise InvalidArgument(
            f"{ms!r} is no metadata provider", field="ms", hint='e.g. "service@http://127.0.0.1:8080"'
        )
    if not _changed:
        _environ, _changed = os.environ.get("HEADWATER_URL"), True
    spins.forget()
    disconnect()
    os.environ["HEADWATER_URL"] = url
    return get_metadata()


def get_metadata() -> str:
    """What is read: "service@<address of the server>"."""
    return f"spin@{spins.root}" if spins.root is not None else f"service@{connect().server.url}"


def default_metadata() -> str:
    """Goes back to the server that was read first."""
    global _changed
    spins.forget()
    if _changed:
        disconnect()
        os.environ.pop("HEADWATER_URL", None)
        if _environ is not None:
            os.environ["HEADWATER_URL"] = _environ
        _changed = False
    return get_metadata()
