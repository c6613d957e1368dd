"""The RPCs of webhooks: make, change, list and test them, and read what became of their deliveries. No SQL here."""

import re
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from headwater.api.registry.v1 import webhooks_pb2 as pb
from headwater_server.kit.clock import timestamp
from headwater_server.kit.database import Database, load_queries
from headwater_server.kit.errors import InvalidArgument, NotFound, ServiceError
from headwater_server.kit.pages import page_size, page_token, read_page_token
from headwater_server.kit.rpc import Call
from headwater_server.registry import hooks, limits
from headwater_server.registry.deliveries import Deliveries
from headwater_server.registry.outgoing import Policy, read_url, resolve
from headwater_server.registry.sealing import Seal

q = load_queries(__package__)
MAX_SECRET = 1000
_NAME = re.compile(r"(?=.{1,63}\Z)[a-z0-9]([a-z0-9._-]*[a-z0-9])?\Z", re.IGNORECASE | re.ASCII)


class Webhooks:
    def __init__(self, database: Database, deliveries: Deliveries, policy: Policy, seal: Seal) -> None:
        self._database, self._deliveries, self._policy, self._seal = database, deliveries, policy, seal

    async def create_webhook(self, request: pb.CreateWebhookRequest, call: Call) -> pb.CreateWebhookResponse:
        name, events = _name(request.name), _events(request.events)
        description = limits.check_text(request.description, "description", limits.MAX_DESCRIPTION)
        await self._check_url(request.url)
        row = await self._database.fetchrow(
            q.insert_webhook,
            uuid.uuid4(), request.project, name, description, request.url, events,
            self._sealed(request.secret), request.disabled,
        )  # fmt: skip
        return pb.CreateWebhookResponse(webhook=_webhook(row))

    async def get_webhook(self, request: pb.GetWebhookRequest, call: Call) -> pb.GetWebhookResponse:
        return pb.GetWebhookResponse(webhook=_webhook(await self._find(request.project, request.webhook_id)))

    async def list_webhooks(self, request: pb.ListWebhooksRequest, call: Call) -> pb.ListWebhooksResponse:
        size, question = page_size(request.page_size), ("webhooks", request.project)
        after = _position(read_page_token(request.page_token, *question))
        rows = await self._database.fetch(q.list_webhooks, request.project, *after, size + 1)
        answer = pb.ListWebhooksResponse(webhooks=[_webhook(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token(_last(rows[size - 1]), *question)
        return answer

    async def update_webhook(self, request: pb.UpdateWebhookRequest, call: Call) -> pb.UpdateWebhookResponse:
        ident = _ident(request.webhook_id)
        if request.HasField("url"):
            await self._check_url(request.url)
        said = {name: getattr(request, name) for name in ("name", "description", "url", "secret", "disabled")
                if request.HasField(name)}  # fmt: skip
        if "name" in said:
            _name(said["name"])
        if "description" in said:
            limits.check_text(said["description"], "description", limits.MAX_DESCRIPTION)
        row = await self._database.fetchrow(
            q.update_webhook,
            request.project, ident, said.get("name"), said.get("description"), said.get("url"),
            _events(request.events) if request.events else None,
            self._sealed(said["secret"]) if "secret" in said else None, said.get("disabled"),
        )  # fmt: skip
        if row is None:
            raise _unknown(request.webhook_id)
        return pb.UpdateWebhookResponse(webhook=_webhook(row))

    async def delete_webhook(self, request: pb.DeleteWebhookRequest, call: Call) -> pb.DeleteWebhookResponse:
        ident = _ident(request.webhook_id)
        async with self._database.transaction() as conn:
            if (await conn.execute(q.delete_webhook, request.project, ident)).endswith(" 0"):
                raise _unknown(request.webhook_id)
            await conn.execute(q.give_up_deliveries, ident)
        return pb.DeleteWebhookResponse()

    async def test_webhook(self, request: pb.TestWebhookRequest, call: Call) -> pb.TestWebhookResponse:
        row = await self._find(request.project, request.webhook_id)
        event = _events([request.event])[0] if request.event else row["events"][0]
        try:
            body = hooks.payload(event, hooks.example(event))
            answer = await self._deliveries.call(row["url"], row["secret"], body)
        except ServiceError as refused:
            return pb.TestWebhookResponse(error=f"Failed to test webhook: {refused.message}")
        except (OSError, TimeoutError) as error:
            return pb.TestWebhookResponse(error=f"Failed to test webhook: {error!r}")
        return pb.TestWebhookResponse(success=answer.status < 400, status=answer.status, body=answer.body)

    async def list_webhook_deliveries(
        self, request: pb.ListWebhookDeliveriesRequest, call: Call
    ) -> pb.ListWebhookDeliveriesResponse:
        size, ident = page_size(request.page_size), _ident(request.webhook_id)
        question = ("deliveries", request.project, str(ident))
        after = _position(read_page_token(request.page_token, *question))
        await self._find(request.project, request.webhook_id)
        rows = await self._database.fetch(q.list_deliveries, request.project, ident, *after, size + 1)
        answer = pb.ListWebhookDeliveriesResponse(deliveries=[_delivery(row) for row in rows[:size]])
        if len(rows) > size:
            answer.next_page_token = page_token(_last(rows[size - 1]), *question)
        return answer

    async def _check_url(self, url: str) -> None:
        place = read_url(url, self._policy)
        if not self._policy.private:
            await resolve(place, self._policy)

    def _sealed(self, secret: str) -> str:
        return self._seal.close(limits.check_word(secret, "secret", MAX_SECRET)) if secret else ""

    async def _find(self, project: str, webhook_id: str) -> Any:
        row = await self._database.fetchrow(q.find_webhook, project, _ident(webhook_id))
        if row is None:
            raise _unknown(webhook_id)
        return row


def _ident(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise _unknown(text) from None


def _unknown(webhook_id: str) -> NotFound:
    return NotFound(f"Webhook with ID {webhook_id[:100]} not found.", field="webhook_id")


def _name(name: str) -> str:
    if not _NAME.match(name):
        raise InvalidArgument(
            f"Webhook name {name[:200]!r} is invalid. It must start and end with a letter or digit, be less than 63 "
            "characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).",
            field="name",
        )
    return name


def _events(events: Sequence[str]) -> list[str]:
    if not events:
        text = "Webhook events must be a non-empty list of WebhookEvent objects: []."
        raise InvalidArgument(text, field="events")
    for event in events:
        if event not in hooks.EVENTS:
            entity, _, action = event.partition(".")
            valid = sorted(known.partition(".")[2] for known in hooks.EVENTS if known.startswith(f"{entity}."))
            text = f"Invalid action '{action[:100]}' for entity '{entity[:100]}'. Valid actions are: {valid}"
            raise InvalidArgument(text, field="events")
    return list(dict.fromkeys(events))


def _position(position: list[Any] | None) -> tuple[datetime | None, uuid.UUID | None]:
    match position:
        case None:
            return None, None
        case [str(at), str(ident)]:
            try:
                return datetime.fromisoformat(at), uuid.UUID(ident)
            except ValueError:
                pass
    raise InvalidArgument("page_token: not a token of this list", field="page_token", hint="leave it empty to begin")


def _last(row: Any) -> list[str]:
    return [row["created_at"].isoformat(), str(row["id"])]


def _webhook(row: Any) -> pb.Webhook:
    return pb.Webhook(
        webhook_id=str(row["id"]),
        project=row["project"],
        name=row["name"],
        description=row["description"],
        url=row["url"],
        events=row["events"],
        disabled=row["disabled"],
        created_at=timestamp(row["created_at"]),
        updated_at=timestamp(row["updated_at"]),
    )


def _delivery(row: Any) -> pb.WebhookDelivery:
    answer = pb.WebhookDelivery(
        delivery_id=str(row["id"]),
        event=row["event"],
        state="PENDING" if row["due_at"] else ("DELIVERED" if row["delivered"] else "GIVEN_UP"),
        attempts=row["attempts"],
        status=row["status"],
        error=row["error"],
        created_at=timestamp(row["created_at"]),
        payload_json=row["payload"],
    )
    if row["due_at"]:
        answer.next_attempt_at.CopyFrom(timestamp(row["due_at"]))
    if row["finished_at"]:
        answer.finished_at.CopyFrom(timestamp(row["finished_at"]))
    return answer
