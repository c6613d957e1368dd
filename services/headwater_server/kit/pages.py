"""Page tokens: where the next page of a list begins, opaque to the caller, tied to the question it was asked with."""

import base64
import binascii
import hashlib
from typing import Any

import msgspec

from headwater_server.kit.errors import InvalidArgument


def page_size(asked: int, *, default: int = 100, most: int = 1000) -> int:
    """How many to answer; 0 is the default, more than `most` is `most`."""
    if asked < 0:
        raise InvalidArgument(f"page_size: {asked} is negative", field="page_size", hint=f"0 means {default}")
    return min(asked or default, most)


def page_token(position: list[Any], *question: object) -> str:
    """The token of a page that begins after `position` (JSON values)."""
    return base64.urlsafe_b64encode(msgspec.json.encode([_digest(question), *position])).decode().rstrip("=")


def read_page_token(token: str, *question: object) -> list[Any] | None:
    """The position in a token; None for the first page. Raises InvalidArgument on a token of another question."""
    if not token:
        return None
    try:
        asked, *position = msgspec.json.decode(
            base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)), type=list[Any]
        )
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise InvalidArgument(
            "page_token: not a token of this list", field="page_token", hint="leave it empty to begin"
        ) from None
    if asked != _digest(question):
        hint = "repeat the filter and order of the first page, or leave page_token empty to begin"
        raise InvalidArgument("page_token: belongs to another question", field="page_token", hint=hint)
    return position


def _digest(question: tuple[object, ...]) -> str:
    return hashlib.blake2b(repr(question).encode(), digest_size=6).hexdigest()
