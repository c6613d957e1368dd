"""What datasets, versions, aliases and files may be called, and what dataset:// and datum:// say. Pure.

A name has to survive in a URI, in the path of a URL and before a reader's eyes: one spelling each, nothing hidden.
"""

import re
import unicodedata
import uuid
from dataclasses import dataclass

from headwater_server.artifact.limits import is_digest
from headwater_server.artifact.paths import check_path
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown

DATASET, DATUM = "dataset://", "datum://"
LATEST = "latest"
MAX_NAME = 200
_NUMBER = re.compile(r"[1-9]\d{0,8}\Z", re.ASCII)
_HINT = f'1 to {MAX_NAME} letters, digits, ".", "_" and "-", beginning with a letter or digit, e.g. "digits-train"'
# What reorders text, or hides in it, before a reader's eyes.
_HIDDEN = re.compile("[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")


@dataclass(frozen=True)
class Version:
    """number > 0: that version; word: a name or an alias; neither: the latest."""

    number: int = 0
    word: str = ""


@dataclass(frozen=True)
class DatasetUri:
    dataset: str
    version: Version
    # A file or a folder of it; "": all.
    path: str = ""


@dataclass(frozen=True)
class DatumUri:
    """One of the three: the id of a file, the sha256 of a blob, an alias."""

    ident: uuid.UUID | None = None
    digest: bytes | None = None
    alias: str = ""


def check_name(name: str, field: str = "dataset") -> str:
    """Of a dataset. Raises InvalidArgument."""
    kinds = [unicodedata.category(c)[0] for c in name if c not in "._-"]
    if (
        not name
        or len(name) > MAX_NAME
        or ".." in name
        or name[0] in "._-"
        or set(kinds) - set("LNM")
        or kinds[0] == "M"
    ):
        raise InvalidArgument(f"{field}: {shown(name)} is not a name", field=field, hint=_HINT)
    plain = unicodedata.normalize("NFKC", name)
    if plain != name:
        hint = f"use the plain form, {shown(plain)}"
        raise InvalidArgument(f"{field}: {shown(name)} looks like another name", field=field, hint=hint)
    return name


def check_word(word: str, field: str) -> str:
    """The name of a version, or an alias: nothing that could be taken for a number or for "latest"."""
    check_name(word, field)
    if word.casefold() == LATEST:
        text = f"{field}: {word!r} always is the newest version: it cannot be set"
        raise InvalidArgument(text, field=field, hint='name what it is for, e.g. "production"')
    if word.isdecimal():
        text = f"{field}: {word!r} looks like the number of a version"
        raise InvalidArgument(text, field=field, hint='begin it with a letter, e.g. "v2026-11"')
    return word


def check_file(path: str, field: str = "path") -> str:
    """Where a file lies in a version."""
    check_path(path)
    if found := _HIDDEN.search(path):
        text = f"{field}: {shown(path)} holds U+{ord(found.group()):04X}, which hides or reorders what is read"
        raise InvalidArgument(text, field=field, hint="rename the file")
    if unicodedata.normalize("NFC", path) != path:
        text = f"{field}: {shown(path)} is not in the composed form (NFC): another path may look the same"
        raise InvalidArgument(text, field=field, hint='unicodedata.normalize("NFC", path)')
    return path


def parse_version(text: str, field: str = "version") -> Version:
    if text == LATEST:
        return Version()
    if _NUMBER.match(text):
        return Version(int(text))
    if not text:
        hint = 'a number such as "3", a name, an alias, or "latest"'
        raise InvalidArgument(f"{field}: there is none", field=field, hint=hint)
    return Version(word=check_word(text, field))


def is_reference(text: object) -> bool:
    return isinstance(text, str) and text.startswith((DATASET, DATUM))


def parse_uri(text: str, field: str = "uri") -> DatasetUri | DatumUri:
    """Raises InvalidArgument that says what such a URI looks like."""
    if text.startswith(DATASET):
        name, slash, rest = text.removeprefix(DATASET).partition("/")
        version, deeper, path = rest.partition("/")
        if (slash and not version) or (deeper and not path):
            hint = "dataset://NAME/VERSION, where VERSION is a number, a name, an alias or latest"
            raise InvalidArgument(f"{field}: {shown(text)} ends too early", field=field, hint=hint)
        known = parse_version(version, field) if version else Version()
        return DatasetUri(check_name(name, field), known, check_file(path, field) if path else "")
    if text.startswith(DATUM):
        return parse_datum(text.removeprefix(DATUM), field)
    hint = "dataset://NAME/VERSION or datum://ID"
    raise InvalidArgument(f"{field}: {shown(text)} names no data", field=field, hint=hint)


def parse_datum(text: str, field: str = "datum") -> DatumUri:
    if is_digest(text):
        return DatumUri(digest=bytes.fromhex(text))
    try:
        if len(text) == 36:
            return DatumUri(ident=uuid.UUID(text))
    except ValueError:
        pass
    return DatumUri(alias=check_word(text, field))


def version_uri(dataset: str, number: int, path: str = "") -> str:
    return f"{DATASET}{dataset}/{number}" + (f"/{path}" if path else "")
