"""From a request to a message: fields of the path, of the query, of the JSON body. Pure.

Names are taken in camelCase and snake_case, enums by their full or short name. What does not fit is refused by name.
"""

import base64
import binascii
import math
import re
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec
from google.protobuf import json_format
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from headwater_server.kit import exact
from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import did_you_mean, shown

MAX_FIELDS = 1000
_TIMES = ("google.protobuf.Timestamp", "google.protobuf.Duration")
_INTEGER = re.compile(r"^[+-]?\d{1,20}$")
_UNKNOWN = re.compile(r'has no field named "([^"]*)" at "([^"]*)"')
_FAILED = re.compile(r"^Failed to parse (\S+) field: (.*)$", re.DOTALL)
_F = FieldDescriptor
_RANGES = {
    _F.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    _F.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    _F.CPPTYPE_UINT32: (0, 2**32 - 1),
    _F.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_WORDS = {"true": True, "1": True, "false": False, "0": False}


class Source(NamedTuple):
    """A request as it came: values of the path's fields, the raw query, the raw body (None: it cannot have one)."""

    path: dict[str, str]
    query: bytes = b""
    body: bytes | None = None
    # The body is the message in protobuf's own encoding, not JSON.
    binary: bool = False


def read(cls: type[Message], source: Source) -> Any:
    """The message of a request. Raises InvalidArgument naming the field, the value and what would do."""
    message = cls()
    if source.body is not None and source.binary:
        _fill_from_protobuf(message, source.body)
    elif source.body is not None:
        _fill_from_json(message, source.body)
    _fill_from_path(message, source.path, source.body is not None)
    for name, values in grouped(source.query).items():
        field = _fields(cls.DESCRIPTOR).get(name)
        if field is None or source.body is not None:
            raise _no_field(name, cls.DESCRIPTOR, source)
        if field.name in source.path:
            raise InvalidArgument(f"{name}: the path says it already", field=name, hint="leave it out of the query")
        _fill(message, field, name, values)
    return message


def grouped(query: bytes) -> dict[str, list[str]]:
    """Values of a raw query by name. Raises InvalidArgument."""
    if not query:
        return {}
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except (UnicodeDecodeError, ValueError) as error:
        raise InvalidArgument(
            f"the query cannot be read: {error}", field="query", hint="percent-encode UTF-8"
        ) from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        _refuse_nul(name, value)
        found.setdefault(name, []).append(value)
    return found


def segment(name: str, text: str) -> str:
    """A segment of the path, decoded. Raises InvalidArgument."""
    try:
        value = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise InvalidArgument(
            f"{name}: {shown(text)} is not percent-encoded UTF-8", field=name, hint="encode each segment of the path"
        ) from None
    _refuse_nul(name, value)
    return value


def json_object(body: bytes) -> dict[str, Any]:
    """A JSON object; of an empty body, {}. Raises InvalidArgument."""
    try:
        value = msgspec.json.decode(body) if body.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidArgument(f"the body is not JSON: {error}", field="body") from None
    if not isinstance(value, dict):
        raise InvalidArgument(
            f"the body must be a JSON object, not {shown(value)}", field="body", hint='e.g. {"name": "x"}'
        )
    if b"\\u0000" in body:  # Postgres has no text with NUL
        _refuse_nul_inside(value, "")
    return value


def _fill_from_json(message: Message, body: bytes) -> None:
    try:
        exact.parse(json_object(body), message)
    except json_format.ParseError as error:
        raise _refused(str(error), message.DESCRIPTOR) from None
    except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidArgument(f"the body does not fit: {error}", field="body") from None


def _fill_from_protobuf(message: Message, body: bytes) -> None:
    try:
        message.ParseFromString(body)
    except DecodeError:
        name = message.DESCRIPTOR.name
        raise InvalidArgument(f"the body is not a {name} in protobuf", field="body", hint="or send JSON") from None


def _fill_from_path(message: Message, path: dict[str, str], has_body: bool) -> None:
    for name, value in path.items():
        field: Any = message.DESCRIPTOR.fields_by_name[name]
        said = getattr(message, name) if has_body else None
        _fill(message, field, name, [value])
        if said and said != getattr(message, name):
            raise InvalidArgument(
                f"{name}: the body says {shown(said)}, the path {shown(value)}", field=name, hint="say it once"
            )


def _refused(text: str, descriptor: Any) -> InvalidArgument:
    """The error of json_format in our words."""
    if found := _UNKNOWN.search(text):
        name, where = found[1], found[2].partition(".")[2]
        names = [f.json_name for f in descriptor.fields] if not where else []
        hint = did_you_mean(name, names) if names else ""
        path = f"{where}.{name}" if where else name
        return InvalidArgument(f"{path}: there is no such field", field=path, hint=hint, reason="UNKNOWN_FIELD")
    if found := _FAILED.match(text):
        return InvalidArgument(f"{found[1]}: {found[2].rstrip('.')}", field=found[1])
    return InvalidArgument(f"the body does not fit: {text}", field="body")


def _no_field(name: str, descriptor: Any, source: Source) -> InvalidArgument:
    if source.body is not None:
        hint = "put it into the JSON body"
        return InvalidArgument(f"{name}: this request takes no query", field=name or "query", hint=hint)
    names = [field.json_name for field in descriptor.fields if field.name not in source.path]
    hint = did_you_mean(name, names) if names else "this request has no parameters"
    message = f"{name or repr(name)}: there is no such parameter"
    return InvalidArgument(message, field=name or "query", hint=hint, reason="UNKNOWN_FIELD")


@cache
def _fields(descriptor: Any) -> dict[str, FieldDescriptor]:
    return {name: field for field in descriptor.fields for name in (field.name, field.json_name)}


def is_repeated(field: FieldDescriptor) -> bool:
    known = getattr(field, "is_repeated", None)
    return getattr(field, "label", 0) == _F.LABEL_REPEATED if known is None else bool(known)


def _fill(message: Message, field: FieldDescriptor, name: str, values: list[str]) -> None:
    if field.message_type is not None:
        if field.message_type.full_name not in _TIMES or is_repeated(field):
            raise InvalidArgument(f"{name}: cannot be given in the query", field=name)
        _fill_time(getattr(message, field.name), name, _only(name, values))
    elif is_repeated(field):
        getattr(message, field.name).extend(from_text(field, name, value) for value in values)
    else:
        value = _only(name, values)
        if value or field.cpp_type == _F.CPPTYPE_STRING:  # `flow=` of a form is not set
            setattr(message, field.name, from_text(field, name, value))


def _only(name: str, values: list[str]) -> str:
    if len(values) > 1:
        raise InvalidArgument(f"{name}: was given {len(values)} times", field=name, hint="give it once")
    return values[0]


def _fill_time(target: Any, name: str, value: str) -> None:
    if not value:
        return
    try:
        target.FromJsonString(value)
    except ValueError:
        example = "2026-11-23T20:00:00Z" if target.DESCRIPTOR.name == "Timestamp" else "90s"
        raise InvalidArgument(
            f"{name}: {shown(value)} is not a {target.DESCRIPTOR.name.lower()}", field=name, hint=f"e.g. {example}"
        ) from None


def from_text(field: FieldDescriptor, name: str, text: str) -> Any:
    """A scalar as a query says it. Raises InvalidArgument."""
    kind = field.cpp_type
    if kind == _F.CPPTYPE_STRING:
        return _bytes(name, text) if field.type == _F.TYPE_BYTES else text
    if kind == _F.CPPTYPE_BOOL:
        return boolean(name, text)
    if kind == _F.CPPTYPE_ENUM:
        assert field.enum_type is not None
        return _enum(field.enum_type, name, text)
    if kind in _RANGES:
        return integer(name, text, *_RANGES[kind])
    try:
        number = float(text)
    except ValueError:
        raise InvalidArgument(f"{name}: {shown(text)} is not a number", field=name, hint="e.g. 0.5") from None
    if kind == _F.CPPTYPE_FLOAT and math.isfinite(number) and abs(number) > 3.4e38:
        raise InvalidArgument(f"{name}: {shown(text)} is too large", field=name)
    return number


def integer(name: str, text: str, least: int, most: int) -> int:
    if not _INTEGER.match(text) or not least <= int(text) <= most:
        hint = f"a whole number from {least} to {most}"
        raise InvalidArgument(f"{name}: {shown(text)} does not fit", field=name, hint=hint)
    return int(text)


def boolean(name: str, text: str) -> bool:
    if text.lower() not in _WORDS:
        raise InvalidArgument(f"{name}: {shown(text)} is not true or false", field=name, hint="true or false")
    return _WORDS[text.lower()]


def _bytes(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument(f"{name}: {shown(text)} is not base64", field=name) from None


def enum_prefix(enum: EnumDescriptor) -> str:
    """RUN_STATE_ of RunState."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper() + "_"


def _enum(enum: EnumDescriptor, name: str, text: str) -> int:
    prefix, asked = enum_prefix(enum), text.upper()
    found = enum.values_by_name.get(asked) or enum.values_by_name.get(prefix + asked)
    if found is None and text.isascii() and text.isdigit():
        found = enum.values_by_number.get(int(text[:10]))
    if found is None:
        short = [value.name.removeprefix(prefix).lower() for value in enum.values if value.number]
        raise InvalidArgument(
            f"{name}: {shown(text)} is not one of its values", field=name, hint=f"one of {', '.join(short)}"
        )
    return found.number


def _refuse_nul(name: str, value: str) -> None:
    if "\0" in value or "\0" in name:
        field = name.replace("\0", "") or "name"
        raise InvalidArgument(f"{field}: holds a NUL character", field=field, hint="remove it")


def _refuse_nul_inside(value: Any, where: str) -> None:
    if isinstance(value, str):
        _refuse_nul(where, value)
    elif isinstance(value, dict):
        for key, each in value.items():
            _refuse_nul(where or key, key)
            _refuse_nul_inside(each, f"{where}.{key}" if where else key)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            _refuse_nul_inside(each, f"{where}[{number}]")
