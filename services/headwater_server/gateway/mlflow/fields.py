"""What an MLflow request may hold: its query or JSON body as a checked dict, and MLflow's words where it does not fit.

As MLflow's protobuf parser does: names in snake_case or camelCase, null is not set, whole numbers also as text, what
is not known is left out. Pure.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from headwater_server.gateway.mlflow.errors import MlflowError
from headwater_server.gateway.rest.reading import grouped

_DOCS = " See the API docs for more information about request parameters."
_INT64 = 2**63


@dataclass(frozen=True)
class Field:
    """kind: "string", "int", "float", "bool", "enum", "array", "strings" (an array of texts) or "dict".
    check: may raise MlflowError for a value of the right type."""

    kind: str
    required: bool = False
    check: Callable[[Any], None] | None = None


Fields = Mapping[str, Field]


def need(kind: str, check: Callable[[Any], None] | None = None) -> Field:
    return Field(kind, True, check)


def may(kind: str, check: Callable[[Any], None] | None = None) -> Field:
    return Field(kind, False, check)


def at_most(limit: int) -> Callable[[Any], None]:
    """A check of max_results."""

    def check(value: Any) -> None:
        if value > limit:
            raise invalid("max_results", value)

    return check


def invalid(name: str, value: Any, message: str | None = None) -> MlflowError:
    if message is None:
        message = f" Hint: Value was of type '{type(value).__name__}'.{_DOCS}"
    shown = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    shown = shown if len(shown) <= 1000 else f"{shown[:997]}..."
    return MlflowError(f"Invalid value {shown} for parameter '{name}' supplied: {message}")


def missing(name: str) -> MlflowError:
    return MlflowError(f"Missing value for required parameter '{name}'.{_DOCS}")


def from_query(query: bytes, fields: Fields) -> dict[str, Any]:
    """The parameters of a GET, those of lists as lists. Raises MlflowError."""
    found: dict[str, Any] = {}
    for name, values in grouped(query).items():
        field = fields.get(name)
        if field is None:
            continue
        if field.kind in ("array", "strings"):
            found[name] = values
        elif field.kind == "bool":
            found[name] = _query_boolean(values[0])
        else:
            found[name] = values[0]
    return checked(found, fields)


def from_json(body: bytes, fields: Fields) -> dict[str, Any]:
    """A JSON body, also one that was encoded twice, as old clients do. Raises MlflowError."""
    return checked(json_object(body), fields)


def json_object(body: bytes) -> dict[str, Any]:
    value: Any = json_of(body) if body.strip() else {}
    if isinstance(value, str):
        value = json_of(value.encode())
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MlflowError("The request body must be a JSON object.", "BAD_REQUEST")
    return value


def checked(body: dict[str, Any], fields: Fields) -> dict[str, Any]:
    """Those of the body's values that are known, under their snake_case names. Raises MlflowError."""
    found: dict[str, Any] = {}
    for name, field in fields.items():
        value = _named(body, name)
        if value is None or (field.required and value == ""):
            if field.required:
                raise missing(name)
            continue
        found[name] = _converted(name, field, value)
        if field.check is not None:
            field.check(found[name])
    return found


def _named(body: dict[str, Any], name: str) -> Any:
    head, *tail = name.split("_")
    camel = head + "".join(part.capitalize() for part in tail)
    if camel == name or camel not in body:
        return body.get(name)
    if name in body:
        raise MlflowError(f"Request specifies both '{name}' and '{camel}'; provide only one of them.")
    return body[camel]


def _converted(name: str, field: Field, value: Any) -> Any:
    kind = field.kind
    if kind == "string" and isinstance(value, str):
        if "\0" in value:
            raise invalid(name, value, "it holds a NUL character")
        return value
    if kind == "enum" and isinstance(value, str | int) and not isinstance(value, bool):
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "dict" and isinstance(value, dict):
        return value
    if kind == "array" and isinstance(value, list):
        return value
    if kind == "strings" and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    number = _number(kind, value)
    if number is None:
        raise invalid(name, value)
    return number


def _number(kind: str, value: Any) -> int | float | None:
    """None: it is none of this kind."""
    if isinstance(value, bool) or not isinstance(value, int | float | str) or kind not in ("int", "float"):
        return None
    try:
        if kind == "float":
            return float(value)
        whole = int(value)
    except (ValueError, OverflowError):
        return None
    if isinstance(value, float) and value != whole:
        return None
    return whole if -_INT64 <= whole < _INT64 else None


def _query_boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise MlflowError(f"Invalid boolean value: {text}, must be 'true' or 'false'.")
    return text.lower() == "true"


def json_of(body: bytes) -> Any:
    """Also with the bare NaN and Infinity that Python's json module writes."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        value = json.loads(body)
        json.dumps(value, ensure_ascii=False).encode()  # halves of characters are no text
        return value
    except (ValueError, RecursionError) as error:
        raise MlflowError(f"The request body is not JSON: {error}", "BAD_REQUEST") from None


def plain(value: float) -> float | str:
    """A double as protobuf's JSON says it."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
