"""The event protos as data: what they declare, their comments, and the JSON Schema of their JSON mapping."""

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet

from headwater.api.events.v1 import events_pb2
from headwater.api.options.v1 import options_pb2

_PROTO = Path(__file__).resolve().parents[2] / "proto"
_WELL_KNOWN: dict[str, dict[str, Any]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?s$"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
}
_INT64 = {"type": "string", "pattern": "^-?[0-9]+$"}
_FLOAT = {"oneOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
_SCALARS: dict[int, dict[str, Any]] = {
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "minimum": 0},
    FieldDescriptor.CPPTYPE_INT64: _INT64,
    FieldDescriptor.CPPTYPE_UINT64: _INT64,
    FieldDescriptor.CPPTYPE_DOUBLE: _FLOAT,
    FieldDescriptor.CPPTYPE_FLOAT: _FLOAT,
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
}


@dataclass(frozen=True)
class Event:
    """One event message and what it declares."""

    message: Descriptor
    type: str
    subject_field: str
    source: str

    @property
    def subject(self) -> str:
        return f"hw.evt.v1.{{project}}.{self.type}.{{{self.subject_field}}}"


def events() -> list[Event]:
    """Those of events.proto, in its order."""
    found: list[Event] = []
    file = FileDescriptorProto()
    events_pb2.DESCRIPTOR.CopyToProto(file)
    for declared in file.message_type:
        message = events_pb2.DESCRIPTOR.message_types_by_name[declared.name]
        rule = message.GetOptions().Extensions[options_pb2.event]  # type: ignore[index]
        if rule.type:
            found.append(Event(message, rule.type, rule.subject_field, rule.source))
    return found


def comment(full_name: str) -> str:
    """The comment above a message or a field, on one line."""
    return _comments().get(full_name, "")


@cache
def _comments() -> dict[str, str]:
    buf = Path(sys.executable).with_name("buf")
    built = subprocess.run([str(buf), "build", str(_PROTO), "-o", "-"], capture_output=True, check=True).stdout
    found: dict[str, str] = {}
    for file in FileDescriptorSet.FromString(built).file:
        texts = {tuple(at.path): " ".join(at.leading_comments.split()) for at in file.source_code_info.location}
        for number, message in enumerate(file.message_type):
            _collect(message, f"{file.package}.{message.name}", (4, number), texts, found)
    return found


def _collect(
    message: DescriptorProto, name: str, path: tuple[int, ...], texts: dict[tuple[int, ...], str], found: dict[str, str]
) -> None:
    found[name] = texts.get(path, "")
    for number, field in enumerate(message.field):
        found[f"{name}.{field.name}"] = texts.get((*path, 2, number), "")
    for number, nested in enumerate(message.nested_type):
        _collect(nested, f"{name}.{nested.name}", (*path, 3, number), texts, found)


def schema(message: Descriptor) -> dict[str, Any]:
    """JSON Schema of a message in the protobuf JSON mapping. Fields with their zero value are left out of the JSON, so
    none is required; readers must accept fields that they do not know."""
    described = {"description": text} if (text := comment(message.full_name)) else {}
    fields = sorted(message.fields, key=lambda f: f.number)
    return {"type": "object", **described, "properties": {field.json_name: _property(field) for field in fields}}


def _property(field: FieldDescriptor) -> dict[str, Any]:
    text = comment(field.full_name)
    value = _shape(field)
    if not text:
        return value
    return {"description": text, "allOf": [value]} if "$ref" in value else {"description": text, **value}


def _shape(field: FieldDescriptor) -> dict[str, Any]:
    if field.message_type and field.message_type.GetOptions().map_entry:
        return {"type": "object", "additionalProperties": _single(field.message_type.fields_by_name["value"])}
    return {"type": "array", "items": _single(field)} if field.is_repeated else _single(field)


def _single(field: FieldDescriptor) -> dict[str, Any]:
    if field.message_type:
        known = _WELL_KNOWN.get(field.message_type.full_name)
        return known if known is not None else {"$ref": f"#/components/schemas/{field.message_type.name}"}
    if field.enum_type:
        return {"type": "string", "enum": [value.name for value in field.enum_type.values]}
    if field.type == FieldDescriptor.TYPE_BYTES:
        return {"type": "string", "contentEncoding": "base64"}
    return _SCALARS.get(field.cpp_type, {"type": "string"})


def contained(roots: list[Descriptor]) -> list[Descriptor]:
    """These messages and all that they contain, without the well-known ones and maps."""
    found: dict[str, Descriptor] = {}
    waiting = list(roots)
    while waiting:
        message = waiting.pop(0)
        if message.full_name in found or message.full_name in _WELL_KNOWN:
            continue
        found[message.full_name] = message
        waiting += [field.message_type for field in message.fields if field.message_type]
    return [m for m in found.values() if not m.GetOptions().map_entry]


def schemas(roots: list[Descriptor]) -> dict[str, dict[str, Any]]:
    """Name → schema of these messages and of all that they contain."""
    return {m.name: schema(m) for m in sorted(contained(roots), key=lambda m: m.name)}
