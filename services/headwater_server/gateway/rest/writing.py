"""From a message to JSON values: protobuf's own mapping, several times faster than json_format, which holds up the loop
of the whole process for a list of a few hundred runs. Pure; a property test compares the two.
"""

import base64
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import msgspec
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from headwater_server.gateway.rest.reading import is_repeated
from headwater_server.kit.exact import is_twin, twin

Convert = Callable[[Any], Any]
_F = FieldDescriptor
_EPOCH = datetime(1970, 1, 1)


def to_json(message: Message) -> bytes:
    return msgspec.json.encode(to_dict(message))


def to_dict(message: Message) -> dict[str, Any]:
    """Set fields only, in camelCase; 64 bits as text, enums by name."""
    table = _table(message.DESCRIPTOR)
    found: dict[str, Any] = {}
    for field, value in message.ListFields():
        name, convert, text = table[field.number]
        if text and getattr(message, text):
            continue
        found[name] = value if convert is None else convert(value)
    return found


@cache
def _table(descriptor: Any) -> dict[int, tuple[str, Convert | None, str]]:
    return {field.number: _row(field) for field in descriptor.fields}


def _row(field: Any) -> tuple[str, Convert | None, str]:
    """Name, how the value is converted, and the field with the same as exact text, which then stands in its place."""
    if is_twin(field):
        return field.containing_type.fields_by_name[field.name.removesuffix("_json")].json_name, msgspec.json.decode, ""
    text = twin(field)
    return field.json_name, _of(field), text.name if text is not None else ""


def _of(field: Any) -> Convert | None:
    """How the value of a field is converted; None: it is JSON already."""
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        key, value = _key(kind.fields_by_name["key"]), _one(kind.fields_by_name["value"]) or _same
        return lambda entries: {key(name): value(entries[name]) for name in entries}
    one = _one(field)
    if is_repeated(field):
        return list if one is None else lambda values: [one(value) for value in values]
    return one


def _one(field: Any) -> Convert | None:
    if field.message_type is not None:
        return _SPECIAL.get(field.message_type.full_name) or (
            _plain if field.message_type.full_name.startswith("google.protobuf.") else to_dict
        )
    if field.enum_type is not None:
        names = {value.number: value.name for value in field.enum_type.values}
        return lambda number: names.get(number, number)
    if field.type == _F.TYPE_BYTES:
        return lambda value: base64.b64encode(value).decode()
    if field.cpp_type in (_F.CPPTYPE_INT64, _F.CPPTYPE_UINT64):
        return str
    if field.cpp_type == _F.CPPTYPE_DOUBLE:
        return _number
    if field.cpp_type == _F.CPPTYPE_FLOAT:
        raise ValueError(f"{field.full_name}: use double, float has no exact JSON")
    return None


def _same(value: Any) -> Any:
    return value


def _key(field: Any) -> Convert:
    return _same if field.cpp_type == _F.CPPTYPE_STRING else lambda key: str(key).lower()


def _number(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _plain(message: Message) -> Any:
    return MessageToDict(message)


def _timestamp(value: Any) -> str:
    return f"{(_EPOCH + timedelta(seconds=value.seconds)).isoformat()}{_fraction(value.nanos)}Z"


def _fraction(nanos: int) -> str:
    """0, 3, 6 or 9 digits."""
    if not nanos:
        return ""
    text = f".{nanos:09d}"
    return text[:4] if text.endswith("000000") else text[:7] if text.endswith("000") else text


def _struct(value: Any) -> dict[str, Any]:
    return {name: _value(each) for name, each in value.fields.items()}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _struct(value.struct_value)
    if kind == "list_value":
        return [_value(each) for each in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)


_SPECIAL: dict[str, Convert] = {"google.protobuf.Timestamp": _timestamp, "google.protobuf.Struct": _struct}
