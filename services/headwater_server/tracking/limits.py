"""What may be logged: keys, values, steps, times and how much at once.

Owns every limit of this service and the error that names the field, the value and the fix.
"""

import math
import re
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from headwater_server.kit.errors import InvalidArgument
from headwater_server.kit.hints import shown as shown

MAX_KEY = 250
MAX_PARAM = 6000
MAX_TAG = 8000
MAX_NAME = 500
MAX_METRICS = 1000
MAX_PARAMS = 1000
MAX_TAGS = 1000
MAX_BATCH_ID = 200

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INT64 = 2**63
# Ids and counts are sent as JSON text: protobuf's mapping of int64.
_INTEGER = re.compile(r"^[+-]?\d{1,19}$")
_NUMBER_WORDS = {"nan": math.nan, "inf": math.inf, "infinity": math.inf, "-inf": -math.inf, "-infinity": -math.inf}


def check_key(key: object, field: str) -> str:
    if not isinstance(key, str):
        raise InvalidArgument(f"{field}: {shown(key)} is not a text", field=field, hint='a key is a text, e.g. "loss"')
    if not key.strip():
        raise InvalidArgument(f"{field}: the key is empty", field=field, hint='name it, e.g. "loss"')
    if len(key) > MAX_KEY:
        raise InvalidArgument(
            f"{field}: {shown(key)} has {len(key)} characters, at most {MAX_KEY} are allowed", field=field
        )
    if not key.isprintable():
        raise InvalidArgument(f"{field}: {shown(key)} holds control characters", field=field, hint="use printable ones")
    return key


def _check_text(key: str, value: object, limit: int, field: str) -> str:
    name = f"{field}[{key!r}]"
    if not isinstance(value, str):
        raise InvalidArgument(f"{name}: {shown(value)} is not a text", field=name, hint=f'send it in quotes: "{value}"')
    if len(value) > limit:
        hint = "log long values as an artifact"
        raise InvalidArgument(f"{name}: {len(value)} characters, at most {limit} are allowed", field=name, hint=hint)
    if "\0" in value:
        raise InvalidArgument(f"{name}: holds a NUL character", field=name, hint="remove it")
    return value


def check_texts(values: Mapping[str, object], kind: str, *, field: str) -> dict[str, str]:
    """Params (kind "param") or tags (kind "tag")."""
    count, limit = (MAX_PARAMS, MAX_PARAM) if kind == "param" else (MAX_TAGS, MAX_TAG)
    if len(values) > count:
        raise InvalidArgument(
            f"{field}: {len(values)} entries, at most {count} at once", field=field, hint="send several batches"
        )
    return {check_key(key, field): _check_text(key, value, limit, field) for key, value in values.items()}


def check_number(value: object, field: str) -> float:
    """A float; NaN and the infinities also as text."""
    if type(value) is float:
        return value
    if type(value) is int and abs(value) < 2**1000:
        return float(value)
    if isinstance(value, str):
        word = _NUMBER_WORDS.get(value.lower().lstrip("+"))
        if word is not None:
            return word
    hint = 'send a number, or "NaN", "Infinity", "-Infinity"'
    raise InvalidArgument(f"{field}: {shown(value)} is not a number", field=field, hint=hint)


def check_integer(value: object, field: str) -> int:
    """A signed 64-bit integer, as a number or as text."""
    if isinstance(value, str) and _INTEGER.match(value):
        value = int(value)
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not -_INT64 <= value < _INT64:
        raise InvalidArgument(f"{field}: {shown(value)} is not a whole number of 64 bits", field=field, hint="e.g. 42")
    return value


def check_batch_id(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_BATCH_ID or "\0" in value:
        raise InvalidArgument(
            f"batch_id: {shown(value)} is not a text of at most {MAX_BATCH_ID} characters", field="batch_id"
        )
    return value


def check_name(name: str, field: str) -> str:
    """Name of an experiment or a run."""
    if not name.strip():
        raise InvalidArgument(f"{field}: the name is empty", field=field, hint="give it a name")
    if len(name) > MAX_NAME or not name.isprintable():
        raise InvalidArgument(f"{field}: {shown(name)} is not at most {MAX_NAME} printable characters", field=field)
    return name


def check_run_id(value: object, field: str = "run_id") -> uuid.UUID:
    """A run's id: a UUID, with or without dashes."""
    if isinstance(value, str) and len(value) in (32, 36):
        try:
            return uuid.UUID(value)
        except ValueError:
            pass
    hint = "a UUID or 32 hex digits, as `headwater runs` shows it"
    raise InvalidArgument(f"{field}: {shown(value)} is not the id of a run", field=field, hint=hint)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def to_micros(at: datetime) -> int:
    """Microseconds since the Unix epoch, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
