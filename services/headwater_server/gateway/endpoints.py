"""The endpoints that are no RPCs: who may call them, what they take, what they answer.

The router and the OpenAPI document are made from this table and from the protos.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Parameter:
    name: str
    kind: str
    text: str
    place: str = "query"


@dataclass(frozen=True)
class Endpoint:
    """action: what the caller must be allowed to do; "": anybody may ask. body, reply: JSON schemas."""

    verb: str
    path: str
    action: str
    name: str
    text: str
    tag: str
    query: tuple[Parameter, ...] = ()
    media: str = "application/json"
    body: dict[str, Any] = field(default_factory=dict)
    reply: dict[str, Any] = field(default_factory=lambda: {"type": "object"})


_TEXT = {"type": "string"}
_LAST = Parameter("Last-Event-ID", "string", "Id of the last event that was received: go on after it.", "header")
_SSE = {"type": "string", "description": "Server-sent events; a comment at least every 15 s."}
EVENT = {
    "type": "object",
    "description": "A CloudEvent: a fact of Headwater, or a foreign event.",
    "properties": {
        "id": _TEXT,
        "type": {**_TEXT, "description": "E.g. model.promoted; of a foreign event its name."},
        "time": {**_TEXT, "format": "date-time"},
        "subject": {**_TEXT, "description": "Subject on the bus."},
        "project": _TEXT,
        "source": _TEXT,
        "data": {"type": "object"},
    },
}
LETTER = {
    "type": "object",
    "description": "An event that a service could not handle.",
    "properties": {
        "seq": {"type": "integer", "format": "int64"},
        "time": {**_TEXT, "format": "date-time"},
        "service": _TEXT,
        "subject": {**_TEXT, "description": "Where the event was published."},
        "error": _TEXT,
        "consumer": _TEXT,
        "eventId": _TEXT,
        "data": {"description": "The event's body, where it is JSON; only of a single letter."},
        "body": {**_TEXT, "description": "The event's body, where it is not JSON."},
        "stack": _TEXT,
    },
}

ENDPOINTS = (
    Endpoint(
        "GET", "/api/v1/runs/{run_id}/stream", "runs:read", "stream_run",
        "Follows a run until it is over: `snapshot` (a Run, at once and when it begins to wait for something else), "
        "`log` (a LogChunk), facts under their type (`task.started`, …; an Event), and `end` (the Run).",
        "Live events",
        (Parameter("logs", "boolean", "With what the tasks write."),
         Parameter("project", "string", 'Where to look for "latest" or the end of an id.'), _LAST),
        "text/event-stream", reply=_SSE,
    ),
    Endpoint(
        "GET", "/api/v1/projects/{project}/events", "events:read", "stream_events",
        "Follows the events of a project; each is an Event under its type.", "Live events",
        (Parameter("type", "string", "Only this type, or what begins with it: model, model.promoted."),
         Parameter("run_id", "string", "Only of this run."),
         Parameter("foreign", "boolean", "Also what others publish on hw.ext.<project>."),
         Parameter("last", "integer", "Begin with so many past events, at most 10,000."),
         Parameter("since", "string", "Begin with the events after this time (RFC 3339)."), _LAST),
        "text/event-stream", reply=_SSE,
    ),
    Endpoint(
        "POST", "/api/v1/projects/{project}/events", "events:write", "publish_event",
        "Publishes a foreign event: it starts the deployed flows that wait for it.", "Live events",
        body={
            "type": "object", "required": ["name"], "additionalProperties": False,
            "properties": {
                "name": {**_TEXT, "description": "E.g. data.arrived for hw.ext.<project>.data.arrived."},
                "data": {"type": "object", "description": "At most 256 KiB."},
                "requestId": {**_TEXT, "description": "The same id twice within two minutes is one event."},
            },
        },
        reply={"type": "object", "properties": {"subject": _TEXT, "id": _TEXT, "seq": {"type": "integer"}}},
    ),
    Endpoint(
        "GET", "/api/v1/runs/{run_id}/cards/{digest}", "artifacts:read", "show_card",
        "The page of a card of the run, as HTML that a browser keeps in a sandbox.", "ArtifactService",
        (Parameter("project", "string", "The run's project."),), "text/html", reply=_TEXT,
    ),
    Endpoint(
        "GET", "/api/v1/dlq", "events:read", "list_letters", "Dead letters, newest first.", "Dead letters",
        (Parameter("limit", "integer", "At most so many; default 50, at most 10,000."),),
        reply={"type": "object", "properties": {"letters": {"type": "array", "items": LETTER}}},
    ),
    Endpoint(
        "GET", "/api/v1/dlq/{seq}", "events:read", "show_letter", "A dead letter with its body.", "Dead letters",
        reply={"type": "object", "properties": {"letter": LETTER}},
    ),
    Endpoint(
        "POST", "/api/v1/dlq/{seq}/retry", "events:repair", "retry_letter",
        "Publishes a dead letter again where it came from, and removes it.", "Dead letters",
        reply={"type": "object", "properties": {"seq": {"type": "integer"}, "subject": _TEXT}},
    ),
    Endpoint("GET", "/healthz", "", "healthz", "This process answers.", "Service"),
    Endpoint(
        "GET", "/readyz", "", "readyz", "The bus, the database and every service answer; else 503.", "Service",
    ),
    Endpoint("GET", "/metrics", "", "metrics", "Metrics in Prometheus' text format.", "Service", media="text/plain"),
    Endpoint("GET", "/openapi.json", "", "openapi", "This document.", "Service"),
    Endpoint("GET", "/docs", "", "docs", "This document as a page.", "Service", media="text/html"),
)  # fmt: skip
