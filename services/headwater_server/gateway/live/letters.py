"""Dead letters: listed, shown, and published again for the service that could not handle them."""

import re
from collections import deque
from typing import Any

import msgspec
from starlette.responses import Response

from headwater_server.gateway.live.past import Past, Stored
from headwater_server.gateway.parameters import Parameters
from headwater_server.gateway.request import Request, answer_json
from headwater_server.gateway.rest.reading import integer
from headwater_server.kit.auth import Identity
from headwater_server.kit.bus import Bus
from headwater_server.kit.errors import FailedPrecondition, NotFound, PermissionDenied
from headwater_server.kit.ids import subject_token

STREAM = "HW_DLQ"
MOST = 10_000
_SUBJECT = re.compile(r"^hw\.(?:(?:evt|metrics|logs)\.v1|ext)\.([A-Za-z0-9_-]+)\..+$")


class DeadLetters:
    def __init__(self, bus: Bus, past: Past) -> None:
        self._bus, self._past = bus, past

    async def list(self, request: Request) -> Response:
        """GET /api/v1/dlq"""
        limit = Parameters(request.query, "limit").integer("limit", 50, MOST)
        upto = await self._past.end(STREAM)
        count = limit if request.identity.project == "*" else MOST
        stored = self._past.last(STREAM, "hw.dlq.>", count, upto=upto)
        found = deque([_told(each) async for each in stored if _visible(each, request.identity)], limit)
        return answer_json({"letters": list(reversed(found))})

    async def show(self, request: Request) -> Response:
        """GET /api/v1/dlq/{seq}"""
        Parameters(request.query)
        stored = await self._find(request)
        return answer_json({"letter": _told(stored) | _body(stored.data) | {"stack": _stack(stored)}})

    async def retry(self, request: Request) -> Response:
        """POST /api/v1/dlq/{seq}/retry

        Published first, removed then: what dies in between leaves a letter, and its second retry the same event."""
        await request.body()
        stored = await self._find(request)
        subject = _original(stored)
        try:
            await self._bus.publish_stream(subject, stored.data, msg_id=f"retry:{stored.seq}", headers=_headers(stored))
        except PermissionDenied:
            raise FailedPrecondition(
                f"the gateway may not publish on {subject}",
                hint="Only foreign events can be published again from here.",
                reason="BUS_PERMISSION",
            ) from None
        await self._remove(stored.seq)
        return answer_json({"seq": stored.seq, "subject": subject})

    async def _find(self, request: Request) -> Stored:
        seq = integer("seq", request.path["seq"], 1, 2**63 - 1)
        stored = await self._past.get(STREAM, seq)
        if stored is None or not _visible(stored, request.identity):
            raise NotFound(f"seq: no dead letter {seq}", field="seq", hint="`headwater events dlq list` has them")
        return stored

    async def _remove(self, seq: int) -> None:
        request = msgspec.json.encode({"seq": seq, "no_erase": True})
        await self._bus.request(f"$JS.API.STREAM.MSG.DELETE.{STREAM}", request)


def _visible(stored: Stored, identity: Identity) -> bool:
    if identity.project == "*":
        return True
    found = _SUBJECT.match(_original(stored))
    return found is not None and found[1] == subject_token(identity.project)


def _original(stored: Stored) -> str:
    return stored.headers.get("hw-original-subject") or ".".join(stored.subject.split(".")[3:])


def _told(stored: Stored) -> dict[str, Any]:
    headers = stored.headers
    return {
        "seq": stored.seq,
        "time": stored.time.isoformat().replace("+00:00", "Z"),
        "service": stored.subject.split(".")[2],
        "subject": _original(stored),
        "error": headers.get("hw-error", ""),
        "consumer": headers.get("hw-consumer", ""),
        "eventId": _event_id(stored),
    }


def _stack(stored: Stored) -> str:
    try:
        return msgspec.json.decode(stored.headers.get("hw-stack", '""'), type=str)
    except msgspec.DecodeError:
        return ""


def _body(data: bytes) -> dict[str, Any]:
    try:
        return {"data": msgspec.json.decode(data)}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {"body": data.decode("utf-8", "replace")}


def _event_id(stored: Stored) -> str:
    lower = {name.lower(): value for name, value in stored.headers.items()}
    origin = f"{lower.get('hw-original-stream', '')}:{lower.get('hw-original-seq', '')}"
    return lower.get("ce-id") or origin


def _headers(stored: Stored) -> dict[str, str]:
    """Those of the event. A bare one gets the id that it had, or others would take it for a new event."""
    headers = {n: v for n, v in stored.headers.items() if not n.lower().startswith("hw-")}
    lower = {name.lower() for name in headers}
    structured = any(v.lower().startswith("application/cloudevents") for v in headers.values())
    if "ce-id" not in lower and not structured and _original(stored).startswith("hw.ext."):
        headers["ce-id"] = _event_id(stored)
        headers["ce-type"] = ".".join(_original(stored).split(".")[3:])
        headers["ce-source"] = "nats"
    return headers
