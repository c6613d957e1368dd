"""What a version says of its origin and its use: lineage and signature, as they are stored. Pure."""

from typing import Any

import msgspec
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from headwater.api.registry.v1 import registry_pb2 as pb
from headwater_server.kit.auth import Actor
from headwater_server.kit.errors import InvalidArgument
from headwater_server.registry.limits import check_word

MAX_SIGNATURE = 256 * 1024
_TEXTS = ("flow", "run_id", "step", "task_id", "artifact", "code_package")


def lineage_of(lineage: pb.Lineage, actor: Actor) -> dict[str, Any] | None:
    """Lineage as JSON. A task that does not say which run it belongs to is known by its token."""
    for name in _TEXTS:
        check_word(getattr(lineage, name), f"lineage.{name}")
    if lineage.attempt < 0:
        raise InvalidArgument(f"lineage.attempt: {lineage.attempt} is negative", field="lineage.attempt")
    found = MessageToDict(lineage)
    found.pop("runDeletedAt", None)
    if actor.run_id and not lineage.run_id:
        found["runId"] = actor.run_id
    return found or None


def signature_of(signature: Struct) -> dict[str, Any] | None:
    try:
        found = MessageToDict(signature)
    except ValueError as error:
        hint = "JSON has no NaN and no infinities: leave them out"
        raise InvalidArgument(f"signature: {error}", field="signature", hint=hint) from None
    text = msgspec.json.encode(found)
    if len(text) > MAX_SIGNATURE:
        message = f"signature: {len(text)} bytes as JSON, at most {MAX_SIGNATURE} are allowed"
        raise InvalidArgument(message, field="signature", hint="describe columns, do not list their values")
    if b"\\u0000" in text.replace(b"\\\\", b""):
        raise InvalidArgument("signature: holds a NUL character", field="signature", hint="remove it")
    return found or None
