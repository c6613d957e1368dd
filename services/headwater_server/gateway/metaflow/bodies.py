"""Bodies that a Metaflow client sends, checked. Pure."""

import time
from typing import Any, TypeVar

import msgspec

from headwater_server.kit.errors import InvalidArgument

T = TypeVar("T")


class NewObject(msgspec.Struct):
    """A flow, run, step or task; of a run or task perhaps with an id that the client brings."""

    user_name: str | None = None
    tags: list[str] | None = None
    system_tags: list[str] | None = None
    ts_epoch: int | None = None
    run_number: str | int | None = None
    task_id: str | int | None = None


class Datum(msgspec.Struct):
    field_name: str
    value: Any = ""
    type: str | None = None
    user_name: str | None = None
    ts_epoch: int | None = None
    tags: list[str] | None = None


class Artifact(msgspec.Struct):
    name: str
    sha: str = ""
    type: str | None = None
    content_type: str | None = None
    ds_type: str | None = None
    location: str | None = None
    attempt_id: int = 0
    user_name: str | None = None
    ts_epoch: int | None = None


class Mutation(msgspec.Struct):
    tags_to_add: list[str] = []
    tags_to_remove: list[str] = []


def decoded(body: bytes, kind: type[T]) -> T:
    """Raises InvalidArgument naming what does not fit."""
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"the body does not fit: {error}", field="body") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidArgument(f"the body is not JSON: {error}", field="body") from None


def text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def millis(value: int | None) -> int:
    return int(time.time() * 1000) if value is None else value
