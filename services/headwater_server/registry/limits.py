"""What models, aliases, tags and metrics may be called and hold.

Owns every limit of this service and the error that names the field, the value and the fix. An event that tells of the
largest object that passes here still fits into a message of the bus. Pure.
"""

import math
import re
from collections.abc import Mapping

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

MAX_NAME = 256
MAX_ALIAS = 255
MAX_KEY = 250
MAX_TAG = 100_000
MAX_TAGS = 1000
MAX_METRICS = 1000
# UTF-8 bytes of all keys and values together.
MAX_BYTES = 100 * 1024
MAX_DESCRIPTION = 10_000
MAX_REASON = 5_000
MAX_WORD = 500
MAX_URI = 5000
MAX_REQUEST_ID = 200
MAX_SIZE = 2**50

_ALIAS = re.compile(r"[\w-]+\Z")
_LIKE_A_VERSION = re.compile(r"(v\d+|latest)\Z", re.IGNORECASE)
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def check_name(name: str, field: str = "name") -> str:
    """The name of a model: it has to survive in "name/3", "name@champion" and the path of a URL."""
    if not name:
        raise InvalidArgument(f"{field}: the model has no name", field=field, hint='name it, e.g. "churn"')
    if len(name) > MAX_NAME:
        text = f"{field}: {shown(name)} has {len(name)} characters, at most {MAX_NAME} are allowed"
        raise InvalidArgument(text, field=field, hint="shorten it")
    if bad := next((c for c in name if c in "/@" or not c.isprintable()), ""):
        hint = 'use other characters: "name/3" and "name@champion" stand for versions of a model'
        raise InvalidArgument(f"{field}: {shown(name)} holds {bad!r}", field=field, hint=hint)
    if name != name.strip() or name in (".", ".."):
        hint = 'take the spaces at its ends away; "." and ".." are no names'
        raise InvalidArgument(f"{field}: {shown(name)} is not the name of a model", field=field, hint=hint)
    return name


def check_alias(alias: str, field: str = "alias") -> str:
    if not alias or len(alias) > MAX_ALIAS or not _ALIAS.match(alias):
        hint = f'1 to {MAX_ALIAS} letters, digits, "_" and "-", e.g. "champion"'
        raise InvalidArgument(f"{field}: {shown(alias)} is not an alias", field=field, hint=hint)
    if _LIKE_A_VERSION.match(alias):
        text = f"{field}: {alias!r} looks like a version, so it cannot be an alias"
        raise InvalidArgument(text, field=field, hint='name what it is for, e.g. "champion"')
    return alias


def check_text(text: str, field: str, most: int) -> str:
    """Prose, of several lines perhaps."""
    if len(text) > most:
        raise InvalidArgument(f"{field}: {len(text)} characters, at most {most} are allowed", field=field)
    if bad := _CONTROL.search(text):
        text = f"{field}: holds the control character {bad.group()!r} at position {bad.start() + 1}"
        raise InvalidArgument(text, field=field, hint="remove it")
    return text


def check_word(text: str, field: str, most: int = MAX_WORD) -> str:
    """A short text of one line; may be empty."""
    if len(text) > most or not text.isprintable():
        raise InvalidArgument(f"{field}: {shown(text)} is not at most {most} printable characters", field=field)
    return text


def _check_key(key: str, field: str) -> str:
    if not key.strip() or len(key) > MAX_KEY or not key.isprintable():
        hint = f"1 to {MAX_KEY} printable characters"
        raise InvalidArgument(f"{field}: {shown(key)} is not a key", field=field, hint=hint)
    return key


def check_tags(tags: Mapping[str, str], field: str = "tags") -> dict[str, str]:
    for key, value in tags.items():
        check_text(value, f"{field}[{_check_key(key, field)!r}]", MAX_TAG)
    return check_total(dict(tags), field)


def check_total(tags: dict[str, str], field: str = "tags") -> dict[str, str]:
    """All tags of one object."""
    if len(tags) > MAX_TAGS:
        raise InvalidArgument(f"{field}: {len(tags)} tags, at most {MAX_TAGS} are allowed", field=field)
    size = sum(len(key.encode()) + len(value.encode()) for key, value in tags.items())
    if size > MAX_BYTES:
        text = f"{field}: {size} bytes in all tags together, at most {MAX_BYTES} are allowed"
        raise InvalidArgument(text, field=field, hint="keep long values as an artifact and name its digest here")
    return tags


def check_metrics(metrics: Mapping[str, float]) -> dict[str, float]:
    for key, value in metrics.items():
        if not math.isfinite(value):
            field = f"metrics[{_check_key(key, 'metrics')!r}]"
            hint = "evidence is a finite number; leave it out if there is none"
            raise InvalidArgument(f"{field}: {value} is not a finite number", field=field, hint=hint)
    size = sum(len(_check_key(key, "metrics").encode()) for key in metrics)
    if len(metrics) > MAX_METRICS or size > MAX_BYTES:
        text = f"metrics: {len(metrics)} metrics with keys of {size} bytes; {MAX_METRICS} and {MAX_BYTES} are allowed"
        raise InvalidArgument(text, field="metrics", hint="the run keeps them all; register those that decide")
    return dict(metrics)


def check_digest(digest: str) -> str:
    """ "" or a sha256."""
    if digest and not _DIGEST.match(digest):
        hint = "64 hex digits in lower case: the sha256 of the bytes"
        raise InvalidArgument(f"digest: {shown(digest)} is not a digest", field="digest", hint=hint)
    return digest


def check_size(size: int) -> int:
    if not 0 <= size <= MAX_SIZE:
        raise InvalidArgument(f"size: {size} is not a number of bytes", field="size", hint="0 or more")
    return size


def check_request_id(text: str) -> str | None:
    """None: there is none."""
    return check_word(text, "request_id", MAX_REQUEST_ID) or None
