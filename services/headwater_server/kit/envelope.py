"""CloudEvents 1.0 on NATS: binary mode out, binary, structured or bare JSON in.

Attributes travel as ce-* headers, the body is JSON. Header names are matched without regard to case: the CloudEvents
binding for NATS asks for that, NATS itself keeps them as they were written.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

import msgspec
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from headwater.api.options.v1 import options_pb2
from headwater_server.kit.clock import now
from headwater_server.kit.ids import subject_token, uuid7

MAX_BODY = 256 * 1024
_VERSION = re.compile(r"\.v\d+$")
TRACEPARENT = re.compile(r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")


class MalformedEvent(Exception):
    """A message that is no event; the text says why."""


@dataclass(frozen=True)
class Envelope:
    """One event, however it came."""

    id: str
    type: str
    source: str
    time: datetime
    subject: str
    project: str
    data: dict[str, Any]
    traceparent: str = ""
    seq: int = 0
    deliveries: int = 1

    @classmethod
    def decode(
        cls,
        subject: str,
        headers: dict[str, str] | None,
        body: bytes,
        *,
        stream: str = "",
        seq: int = 0,
        deliveries: int = 1,
        time: datetime | None = None,
    ) -> "Envelope":
        """Reads a message of hw.evt.> or hw.ext.>. Raises MalformedEvent with the reason."""
        found = {name.lower(): value for name, value in (headers or {}).items()}
        attributes: dict[str, Any] = {n[3:]: unquote(v) for n, v in found.items() if n.startswith("ce-")}
        data = _json(body)
        if found.get("content-type", "").lower().startswith("application/cloudevents"):
            attributes, data = {k: v for k, v in data.items() if k != "data"}, data.get("data", {})
        if "id" in attributes or "type" in attributes:
            missing = [name for name in ("id", "type", "source") if not attributes.get(name)]
            if missing:
                raise MalformedEvent(f"CloudEvent without {', '.join(missing)}")
        if not isinstance(data, dict):
            raise MalformedEvent(f"the body must be a JSON object, not {type(data).__name__}")
        tokens = subject.split(".")
        foreign = tokens[:2] == ["hw", "ext"]
        trace = found.get("traceparent") or str(attributes.get("traceparent", ""))
        return cls(
            id=str(attributes.get("id") or f"{stream}:{seq}"),
            type=_VERSION.sub("", str(attributes.get("type") or ".".join(tokens[3:] if foreign else tokens[4:6]))),
            source=str(attributes.get("source") or "nats"),
            time=_time(attributes.get("time")) or time or now(),
            subject=subject,
            project=(tokens[2] if foreign else tokens[3]) if len(tokens) > 3 else "default",
            data=data,
            traceparent=trace if TRACEPARENT.match(trace) else "",
            seq=seq,
            deliveries=deliveries,
        )


def _json(body: bytes) -> Any:
    if len(body) > MAX_BODY:
        raise MalformedEvent(f"the body has {len(body)} bytes, more than {MAX_BODY}")
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedEvent(f"the body is not JSON: {error}") from None


def _time(text: Any) -> datetime | None:
    if not text:
        return None
    try:
        parsed = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise MalformedEvent(f"time {text!r} is not RFC 3339") from None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


@dataclass(frozen=True)
class OutMessage:
    """An event ready for the bus."""

    id: str
    subject: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


def encode(event: Message, traceparent: str = "") -> OutMessage:
    """A message that declares (headwater.api.options.v1.event) as CloudEvent in binary mode."""
    rule = event.DESCRIPTOR.GetOptions().Extensions[options_pb2.event]  # type: ignore[index]
    if not rule.type:
        raise ValueError(f"{event.DESCRIPTOR.full_name} declares no event type")
    project = getattr(event, "project", "") or "default"
    identity = str(getattr(event, rule.subject_field))
    body = MessageToDict(event)
    return encode_json(
        rule.type, source=rule.source, project=project, identity=identity, body=body, traceparent=traceparent
    )


def encode_json(
    kind: str, *, source: str, project: str, identity: str, body: dict[str, Any], traceparent: str = ""
) -> OutMessage:
    """An event whose body is in the protobuf JSON mapping already. kind: "model.promoted"."""
    event_id = uuid7()
    headers = {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-source": source,
        "ce-type": quote(kind + ".v1", safe=".-_"),
        "ce-time": now().isoformat().replace("+00:00", "Z"),
        "ce-datacontenttype": "application/json",
        "Nats-Msg-Id": event_id,
    }
    if traceparent:
        headers["traceparent"] = traceparent
    subject = f"hw.evt.v1.{subject_token(project)}.{kind}.{subject_token(identity)}"
    return OutMessage(event_id, subject, headers, msgspec.json.encode(body))
