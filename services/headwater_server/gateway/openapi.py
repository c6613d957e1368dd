"""The OpenAPI 3.1 document of the whole HTTP API, from the protos and the table of endpoints. Pure."""

from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any

import msgspec
from google.protobuf.descriptor import FieldDescriptor

from headwater_server.gateway.comments import comments
from headwater_server.gateway.endpoints import ENDPOINTS, EVENT, Endpoint
from headwater_server.gateway.rest.reading import enum_prefix, is_repeated
from headwater_server.gateway.rest.routes import Route, names_of, rpc_routes
from headwater_server.kit.errors import TABLE
from headwater_server.kit.exact import is_twin

Json = dict[str, Any]
TAGS = {
    "scheduler": "Runs and flows",
    "executor": "Logs",
    "tracking": "Tracking",
    "artifact": "Artifacts",
    "registry": "Models",
    "gateway": "Tokens",
}
_F = FieldDescriptor
_INT32: Json = {"type": "integer", "format": "int32"}
# protobuf's JSON mapping writes 64 bits as text and reads both.
_INT64: Json = {"type": ["string", "integer"], "format": "int64", "pattern": "^-?[0-9]+$"}
_SCALARS: dict[int, Json] = {
    _F.CPPTYPE_INT32: _INT32 | {"minimum": -(2**31), "maximum": 2**31 - 1},
    _F.CPPTYPE_UINT32: _INT32 | {"minimum": 0, "maximum": 2**32 - 1},
    _F.CPPTYPE_INT64: _INT64,
    _F.CPPTYPE_UINT64: _INT64,
    _F.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    _F.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
    _F.CPPTYPE_BOOL: {"type": "boolean"},
    _F.CPPTYPE_STRING: {"type": "string"},
}
_WELL_KNOWN: dict[str, Json] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?s$", "example": "90s"},
    "google.protobuf.Struct": {"type": "object"},
}
_ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message"],
            "properties": {
                "code": {"type": "string", "enum": list(TABLE)},
                "message": {"type": "string"},
                "field": {"type": "string", "description": "What is wrong in the request."},
                "hint": {"type": "string", "description": "What to do."},
                "reason": {"type": "string", "description": "A stable word for programs."},
                "metadata": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        }
    },
}


def document() -> Json:
    """The whole document, as JSON values."""
    schemas: Json = {"Error": _ERROR, "Event": EVENT}
    paths: dict[str, Json] = {}
    for route in rpc_routes():
        paths.setdefault(_shown(route.path), {})[route.verb.lower()] = _rpc(route, schemas)
    for endpoint in ENDPOINTS:
        paths.setdefault(_shown(endpoint.path), {})[endpoint.verb.lower()] = _endpoint(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Headwater",
            "version": version("headwater-server"),
            "description": "Bodies follow the JSON mapping of protobuf: camelCase, fields with default values are left "
            "out, 64-bit integers are strings. Enums in a query may be short: state=failed.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in dict.fromkeys([*TAGS.values(), *(e.tag for e in ENDPOINTS)])],
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": dict(sorted(schemas.items())),
        },
    }


@cache
def page() -> tuple[bytes, str, dict[str, str]]:
    """The document as an answer: body, media type, headers."""
    return msgspec.json.encode(document()), "application/json", {}


def _shown(path: str) -> str:
    """A template with names as clients see them: {run_id} becomes {runId}."""
    for name in names_of(path):
        path = path.replace(f"{{{name}}}", f"{{{_camel(name)}}}")
    return path


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)


def _rpc(route: Route, schemas: Json) -> Json:
    method = route.method
    names = names_of(route.path)
    fields = [field for field in method.input_type.fields if field.name not in names]
    parameters = [_path_parameter(name, comments().get(f"{method.input_type.full_name}.{name}", "")) for name in names]
    made = _operation(
        _camel(_snake(method.name)), TAGS[route.service], comments().get(method.full_name, ""), route.action
    )
    if route.has_body:
        body: Json = {"type": "object", "properties": dict(_properties(fields, schemas)), "additionalProperties": False}
        made["requestBody"] = {"required": False, "content": {"application/json": {"schema": body}}}
    else:
        parameters += [_query_parameter(field, schemas) for field in fields]
    made["parameters"] = parameters
    made["responses"] = _responses("application/json", _message(method.output_type, schemas))
    return made


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _endpoint(endpoint: Endpoint) -> Json:
    made = _operation(_camel(endpoint.name), endpoint.tag, endpoint.text, endpoint.action)
    made["parameters"] = [_path_parameter(name, "") for name in names_of(endpoint.path)] + [
        {"name": p.name if p.place == "header" else _camel(p.name), "in": p.place, "required": False,
         "description": p.text, "schema": {"type": p.kind}}
        for p in endpoint.query
    ]  # fmt: skip
    if endpoint.body:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": endpoint.body}}}
    made["responses"] = _responses(endpoint.media, endpoint.reply if endpoint.media != "text/html" else {})
    return made


def _operation(name: str, tag: str, text: str, action: str) -> Json:
    summary = text.split(". ")[0].split(": ")[0].rstrip(".") if text else _words(name)
    made: Json = {"operationId": name, "tags": [tag], "summary": summary}
    needs = f"Needs the right `{action}`." if action else "Anybody may ask."
    made["description"] = f"{text} {needs}".strip()
    if not action:
        made["security"] = []
    return made


def _words(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).capitalize()


def _responses(media: str, schema: Json) -> Json:
    error = {"description": "Refused or failed.", "content": {"application/json": {"schema": _ref("Error")}}}
    return {"200": {"description": "OK", "content": {media: {"schema": schema}}}, "default": error}


def _path_parameter(name: str, text: str) -> Json:
    made: Json = {"name": _camel(name), "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    return made | ({"description": text} if text else {})


def _query_parameter(field: Any, schemas: Json) -> Json:
    made: Json = {"name": field.json_name, "in": "query", "required": False}
    if text := comments().get(field.full_name, ""):
        made["description"] = text
    made["schema"] = _short_enum(field.enum_type) if field.enum_type is not None else _field(field, schemas)
    return made


def _short_enum(enum: Any) -> Json:
    names = [value.name for value in enum.values]
    return {"type": "string", "enum": names + [name.removeprefix(enum_prefix(enum)).lower() for name in names[1:]]}


def _properties(fields: Any, schemas: Json) -> Iterator[tuple[str, Json]]:
    for field in fields:
        if is_twin(field):
            continue
        schema = _field(field, schemas)
        if text := comments().get(field.full_name, ""):
            schema = {"description": text, **schema}
        yield field.json_name, schema


def _field(field: Any, schemas: Json) -> Json:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return {"type": "object", "additionalProperties": _field(kind.fields_by_name["value"], schemas)}
    one = _one(field, schemas)
    return {"type": "array", "items": one} if is_repeated(field) else one


def _one(field: Any, schemas: Json) -> Json:
    if field.message_type is not None:
        return _message(field.message_type, schemas)
    if field.enum_type is not None:
        return _enum(field.enum_type, schemas)
    if field.type == _F.TYPE_BYTES:
        return {"type": "string", "contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/_-]*=*$"}
    return dict(_SCALARS[field.cpp_type])


def _enum(enum: Any, schemas: Json) -> Json:
    if enum.name not in schemas:
        said = [(v.name, comments().get(f"{enum.full_name}.{v.name}")) for v in enum.values]
        told = [f"`{name}`: {text}" for name, text in said if text]
        schemas[enum.name] = {"type": "string", "enum": [value.name for value in enum.values]}
        if text := " ".join([comments().get(enum.full_name, ""), *told]).strip():
            schemas[enum.name]["description"] = text
    return _ref(enum.name)


def _message(message: Any, schemas: Json) -> Json:
    if message.full_name in _WELL_KNOWN:
        return dict(_WELL_KNOWN[message.full_name])
    if message.name not in schemas:
        made: Json = {"type": "object"}
        schemas[message.name] = made
        if text := comments().get(message.full_name, ""):
            made["description"] = text
        made["properties"] = dict(_properties(message.fields, schemas))
    return _ref(message.name)


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}
