"""metaflow.util: small helpers that flows and extensions import from there."""

import base64
import itertools
import json
import re
import shutil
from collections.abc import Iterable
from functools import cached_property as cached_property
from typing import Any
from urllib.parse import quote, unquote

unicode_type, bytes_type = str, bytes
which = shutil.which
__all__ = [
    "all_equal", "bytes_type", "cached_property", "compress_list", "decompress_list", "get_username", "is_stringish",
    "resolve_identity", "to_bytes", "to_camelcase", "to_pascalcase", "to_pod", "to_unicode", "unicode_type",
    "url_quote", "url_unquote", "which",
]  # fmt: skip


def get_username() -> str:
    """Who runs the command: METAFLOW_USER, else the user of the process."""
    from headwater.flow.parameters import user_name

    return user_name()


def resolve_identity() -> str:
    return f"user:{get_username()}"


def is_stringish(x: Any) -> bool:
    return isinstance(x, (str, bytes))


def to_unicode(x: Any) -> str:
    return x.decode("utf-8") if isinstance(x, bytes) else str(x)


def to_bytes(x: Any) -> bytes:
    return x if isinstance(x, bytes) else str(x).encode("utf-8")


def url_quote(url: Any) -> bytes:
    return to_bytes(quote(to_bytes(url), safe="/:"))


def url_unquote(url: Any) -> str:
    return unquote(to_unicode(url))


def all_equal(values: Iterable[Any]) -> bool:
    groups = itertools.groupby(values)
    return next(groups, True) and not next(groups, False)


def to_camelcase(text: str) -> str:
    return re.sub("[-_]([a-z])", lambda found: found.group(1).upper(), text)


def to_pascalcase(text: str) -> str:
    return text[:1].upper() + to_camelcase(text[1:])


def to_pod(value: Any) -> Any:
    """A value as plain data: dicts, lists, texts and numbers; what is none of these as text."""
    if isinstance(value, dict):
        return {to_pod(key): to_pod(each) for key, each in value.items()}
    if isinstance(value, (list, set, tuple)):
        return [to_pod(each) for each in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def compress_list(values: list[str], separator: str = ",", *_: Any, **__: Any) -> str:
    """Texts as one; decompress_list() gives them back."""
    if any(separator in each for each in values):
        return "!" + base64.b64encode(json.dumps(values).encode()).decode()
    return separator.join(values)


def decompress_list(text: str, separator: str = ",", *_: Any, **__: Any) -> list[str]:
    return json.loads(base64.b64decode(text[1:])) if text.startswith("!") else text.split(separator)
