"""docs/asyncapi.json: AsyncAPI 3.0 of all events, for tools that generate clients and catalogues."""

import json
from typing import Any

from generators.protos import Event, comment, events, schemas
from headwater_server import __version__

_HEADERS = {
    "type": "object",
    "required": ["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time"],
    "properties": {
        "ce-specversion": {"const": "1.0"},
        "ce-id": {
            "type": "string",
            "description": "UUIDv7; also the Nats-Msg-Id: a repetition is dropped.",
        },
        "ce-source": {"type": "string", "description": "The service that publishes it."},
        "ce-type": {"type": "string", "description": "The event with its version, e.g. model.promoted.v1."},
        "ce-time": {"type": "string", "format": "date-time"},
        "ce-datacontenttype": {"const": "application/json"},
        "traceparent": {"type": "string", "description": "W3C trace context of what caused it."},
    },
}
_PROJECT = {"description": "The project, as one token: what is not in [A-Za-z0-9_-] is replaced by _."}


def document() -> str:
    found = events()
    text: dict[str, Any] = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Headwater events",
            "version": __version__,
            "description": "Facts of flows, runs, experiments and models, as CloudEvents on NATS JetStream.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "nats": {"host": "127.0.0.1:4222", "protocol": "nats", "description": "`headwater status` names it."}
        },
        "channels": {e.type: _channel(e) for e in found} | {"foreign": _foreign_channel()},
        "operations": {f"publish.{e.type}": _operation(e) for e in found} | {"receive.foreign": _foreign_operation()},
        "components": {
            "messages": {e.message.name: _message(e) for e in found} | {"Foreign": _foreign_message()},
            "schemas": schemas([e.message for e in found]),
            "messageTraits": {"cloudEvent": {"headers": _HEADERS}},
        },
    }
    return json.dumps(text, indent=1, ensure_ascii=False) + "\n"


def _channel(event: Event) -> dict[str, Any]:
    end = {"description": f"`{event.subject_field}` of the event, as one token."}
    return {
        "address": event.subject,
        "title": event.type,
        "messages": {event.message.name: {"$ref": f"#/components/messages/{event.message.name}"}},
        "parameters": {"project": _PROJECT, event.subject_field: end},
    }


def _operation(event: Event) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{event.type}"},
        "summary": f"{event.source} publishes {event.type}.",
        "tags": [{"name": event.source}],
        "messages": [{"$ref": f"#/channels/{event.type}/messages/{event.message.name}"}],
    }


def _message(event: Event) -> dict[str, Any]:
    described = {"description": text} if (text := comment(event.message.full_name)) else {}
    return {
        "name": event.type,
        "title": event.message.name,
        **described,
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {"$ref": f"#/components/schemas/{event.message.name}"},
    }


def _foreign_channel() -> dict[str, Any]:
    return {
        "address": "hw.ext.{project}.{name}",
        "title": "Events of other programs",
        "messages": {"Foreign": {"$ref": "#/components/messages/Foreign"}},
        "parameters": {"project": _PROJECT, "name": {"description": "Name of the event; may have several tokens."}},
    }


def _foreign_operation() -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": "#/channels/foreign"},
        "summary": "Starts the flows that wait for its name; metric, param and tag land on a tracked run.",
        "messages": [{"$ref": "#/channels/foreign/messages/Foreign"}],
    }


def _foreign_message() -> dict[str, Any]:
    return {
        "name": "foreign",
        "title": "Any JSON object, bare or as a CloudEvent in binary or structured mode",
        "contentType": "application/json",
        "payload": {"type": "object"},
    }
