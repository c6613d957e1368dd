"""What a dataset may hold beside files: prose, tags, properties, request ids; each limit with its error. Pure.

An event that tells of the largest version that passes here still fits into a message of the bus.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

MAX_DESCRIPTION = 10_000
MAX_REASON = 5_000
MAX_REQUEST_ID = 200
MAX_URI = 2_000
MAX_TAGS = 200
MAX_KEY = 250
MAX_TAG_BYTES = 32 * 1024
MAX_PROPERTIES = 16 * 1024
MOST_SOURCES = 100
MOST_ALIASES = 50
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def check_prose(text: str, field: str, most: int) -> str:
    if len(text) > most:
        raise InvalidArgument(f"{field}: {len(text)} characters, at most {most} are allowed", field=field)
    if bad := _CONTROL.search(text):
        raise InvalidArgument(
            f"{field}: holds the control character {bad.group()!r} at position {bad.start() + 1}",
            field=field,
            hint="remove it",
        )
    return text


def check_line(text: str, field: str, most: int) -> str:
    if len(text) > most or not text.isprintable():
        raise InvalidArgument(f"{field}: {shown(text)} is not at most {most} printable characters", field=field)
    return text


def check_tags(tags: Mapping[str, str], field: str = "tags") -> dict[str, str]:
    for key, value in tags.items():
        if not key.strip() or len(key) > MAX_KEY or not key.isprintable():
            hint = f"1 to {MAX_KEY} printable characters"
            raise InvalidArgument(f"{field}: {shown(key)} is not a key", field=field, hint=hint)
        check_prose(value, f"{field}[{key!r}]", MAX_TAG_BYTES)
    size = sum(len(key.encode()) + len(value.encode()) for key, value in tags.items())
    if len(tags) > MAX_TAGS or size > MAX_TAG_BYTES:
        text = f"{field}: {len(tags)} tags of {size} bytes; at most {MAX_TAGS} of {MAX_TAG_BYTES} bytes are allowed"
        raise InvalidArgument(text, field=field, hint="keep long values in a file of the dataset")
    return dict(tags)


def changed_tags(tags: Mapping[str, str], put: Mapping[str, str], delete: Iterable[str]) -> dict[str, str]:
    """The tags with `put` set and `delete` taken away; one that is not there is no error. Raises InvalidArgument."""
    gone = set(delete)
    if both := sorted(gone & put.keys()):
        text = f"delete_tags: {both[0]!r} is in set_tags too"
        raise InvalidArgument(text, field="delete_tags", hint="set it or delete it")
    return check_tags({key: value for key, value in tags.items() if key not in gone} | dict(put), "set_tags")


def check_properties(properties: dict[str, Any], path: str) -> dict[str, Any] | None:
    """Of a file; None: there are none."""
    if not properties:
        return None
    text = msgspec.json.encode(properties)
    if len(text) > MAX_PROPERTIES or b"\\u0000" in text:
        message = f"properties: those of {shown(path)} have {len(text)} bytes as JSON, or hold a NUL"
        hint = f"at most {MAX_PROPERTIES} bytes, without NUL"
        raise InvalidArgument(message, field="properties", hint=hint)
    return properties
