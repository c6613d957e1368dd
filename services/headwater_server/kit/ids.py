"""Identifiers: time-ordered UUIDs (RFC 9562, version 7) and names as tokens of a bus subject."""

import os
import re
import time
import uuid

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def uuid7() -> str:
    """A new version 7 UUID: 48 bits of Unix milliseconds, then 74 random bits. Sorts by creation time."""
    millis = time.time_ns() // 1_000_000
    value = (millis << 80) | int.from_bytes(os.urandom(10), "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return str(uuid.UUID(int=value))


def subject_token(text: str) -> str:
    """Text as one token of a subject: all but [A-Za-z0-9_-] becomes "_". Not reversible: bodies carry the name."""
    return _UNSAFE.sub("_", text)[:128] or "_"
