"""What may be stored and asked for: digests, sizes, names; each limit with its error."""

import hashlib
import re
import uuid
from typing import NamedTuple

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

# The most that S3 takes in one PUT, and in parts.
MAX_SIZE = 5 << 30
MAX_PARTED = 5 << 40
MAX_PARTS = 10_000
MAX_PROJECT = 200
MAX_TEXT = 1000

EMPTY = hashlib.sha256(b"").digest()
_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_digest(text: object) -> bool:
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


def check_digest(text: object, field: str = "digest") -> bytes:
    """The 32 bytes of a sha256 in hex."""
    if not isinstance(text, str) or not is_digest(text):
        hint = "the sha256 of the content as 64 lowercase hex digits, as `sha256sum` prints it"
        raise InvalidArgument(f"{field}: {shown(text)} is not a sha256", field=field, hint=hint)
    return bytes.fromhex(text)


class PartSizes(NamedTuple):
    """From `threshold` bytes on a blob comes in parts of `part` bytes; in larger ones where those would be too many."""

    threshold: int = 128 << 20
    part: int = 16 << 20

    def of(self, size: int) -> int:
        least = -(-size // MAX_PARTS)
        return max(self.part, -(-least >> 20) << 20)


def check_size(size: int, digest: bytes, *, parts: bool = False) -> int:
    """parts: the sender can send them."""
    if size < 0:
        raise InvalidArgument(f"size: {size} is negative", field="size", hint="the number of bytes of the blob")
    if size > MAX_PARTED:
        text = f"size: {size} bytes, at most {MAX_PARTED} (5 TiB) fit into one blob"
        raise InvalidArgument(text, field="size", hint="split it into several artifacts")
    if size > MAX_SIZE and not parts:
        text = f"size: {size} bytes, at most {MAX_SIZE} (5 GiB) can be sent in one piece"
        raise InvalidArgument(text, field="size", hint="use a client that sends parts (accept_parts)")
    if (size == 0) != (digest == EMPTY):
        hint = f"the empty blob has the digest {EMPTY.hex()}"
        raise InvalidArgument(f"size: {size} does not go with digest {digest.hex()}", field="size", hint=hint)
    return size


def check_same_size(promised: int, stored: int, digest: bytes) -> None:
    """A blob that is known has one size."""
    if promised != stored:
        text = f"size: blob {digest.hex()} has {stored} bytes, not {promised}"
        raise InvalidArgument(text, field="size", reason="DIGEST_MISMATCH", hint="compute size and digest anew")


def check_project(project: str) -> str:
    if not project.strip() or len(project) > MAX_PROJECT or not project.isprintable():
        hint = f"1 to {MAX_PROJECT} printable characters"
        raise InvalidArgument(f"project: {shown(project)} is not a name", field="project", hint=hint)
    return project


def check_text(text: object, field: str) -> str:
    """A name or a type, as a manifest or a filter gives it; "" is fine."""
    if not isinstance(text, str) or len(text) > MAX_TEXT or "\0" in text:
        hint = f"at most {MAX_TEXT} characters, none of them NUL"
        raise InvalidArgument(f"{field}: {shown(text)} is not a text of that kind", field=field, hint=hint)
    return text


def full_run_id(text: str) -> uuid.UUID | None:
    """The id of a run when it is written out; None when it is short for one."""
    try:
        return uuid.UUID(text) if len(text) in (32, 36) else None
    except ValueError:
        return None
