"""JSON objects in messages, exact. A google.protobuf.Struct makes a double of every number: integers from 2^53 on lose
digits, and 2.0 is 2. Where that matters a message has, beside the Struct `x`, the same as JSON text: `x_json`. Pure.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import msgspec
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from headwater_server.kit.errors import InvalidArgument

_STRUCT = "google.protobuf.Struct"
_LARGEST = 1 << 1023


class _Place(NamedTuple):
    """A field that is such a Struct, or leads to one."""

    names: tuple[str, str]
    text: FieldDescriptor | None
    inner: Descriptor | None


def twin(field: Any) -> Any:
    """The field with the text of a Struct; None: it has none."""
    if field.message_type is None or field.message_type.full_name != _STRUCT:
        return None
    return field.containing_type.fields_by_name.get(f"{field.name}_json")


def is_twin(field: Any) -> bool:
    """Is it the text of a Struct beside it?"""
    struct = field.containing_type.fields_by_name.get(field.name.removesuffix("_json"))
    return field.name.endswith("_json") and struct is not None and twin(struct) is not None


def read(message: Any, name: str) -> dict[str, Any]:
    """The object in a field: from its text, else from its Struct. Raises InvalidArgument."""
    text = getattr(message, f"{name}_json")
    if not text:
        return json_format.MessageToDict(getattr(message, name))
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidArgument(f"{name}_json is not JSON: {error}", field=f"{name}_json") from None
    if not isinstance(found, dict):
        raise InvalidArgument(f"{name}_json is no JSON object", field=f"{name}_json", hint='e.g. {"alpha": 2.0}')
    return found


def both(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The two fields of an object, to make a message of."""
    text = msgspec.json.encode(values).decode()
    return {name: json_format.ParseDict(_doubles(dict(values)), Struct()), f"{name}_json": text}


def parse(body: dict[str, Any], message: Message, *, ignore_unknown: bool = False) -> Any:
    """Fills a message from its JSON mapping, in which the objects are exact. Raises ParseError."""
    told = _told_twice(message.DESCRIPTOR, body)
    return json_format.ParseDict(told, message, ignore_unknown_fields=ignore_unknown)


def parse_text(data: bytes, message: Message, *, ignore_unknown: bool = False) -> Any:
    """The same from text. Raises ParseError."""
    try:
        body = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise json_format.ParseError(str(error)) from None
    if not isinstance(body, dict):
        raise json_format.ParseError("not a JSON object")
    return parse(body, message, ignore_unknown=ignore_unknown)


def _told_twice(descriptor: Any, body: Any) -> Any:
    """The same JSON with the text of each Struct beside it."""
    places = _places(descriptor)
    if not places or not isinstance(body, dict):
        return body
    told = dict(body)
    for (name, json_name), text, inner in places:
        for key in {name, json_name} & told.keys():
            value = told[key]
            if inner is not None:
                several = isinstance(value, list)
                told[key] = [_told_twice(inner, each) for each in value] if several else _told_twice(inner, value)
            elif text is not None and isinstance(value, dict):
                told[key] = _doubles(value)
                if not told.keys() & {text.name, text.json_name}:
                    told[text.json_name] = msgspec.json.encode(value).decode()
    return told


@cache
def _places(descriptor: Any) -> tuple[_Place, ...]:
    return tuple(_found(descriptor))


def _found(descriptor: Any) -> Iterator[_Place]:
    for field in descriptor.fields:
        if (text := twin(field)) is not None:
            yield _Place((field.name, field.json_name), text, None)
        elif (inner := field.message_type) is not None and _leads(inner, frozenset([descriptor.full_name])):
            yield _Place((field.name, field.json_name), None, inner)


def _leads(descriptor: Any, seen: frozenset[str]) -> bool:
    if descriptor.full_name in seen:
        return False
    seen |= {descriptor.full_name}
    kinds = (field.message_type for field in descriptor.fields if field.message_type is not None)
    return any(twin(field) is not None for field in descriptor.fields) or any(_leads(kind, seen) for kind in kinds)


def _doubles(value: Any) -> Any:
    """Numbers beyond every double as text: what a Struct can hold."""
    if isinstance(value, dict):
        return {key: _doubles(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_doubles(each) for each in value]
    return str(value) if isinstance(value, int) and abs(value) > _LARGEST else value
